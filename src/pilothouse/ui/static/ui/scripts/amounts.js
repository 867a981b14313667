// Numbers of amounts in the viewer's own format; the server has already written them in the page's language.
(() => {
  "use strict";
  const { each, locale } = window.Pilothouse;
  // A language that the browser does not know was written by the server.
  if (locale === null) return;
  each("[data-number]", (element) => {
    const digits = Number(element.dataset.decimals || 0);
    const number = new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    // Beyond 2^53 a double would show a wrong digit: the server's own text stays.
    const value = Number(element.dataset.number);
    if (Number.isSafeInteger(Math.round(value * 10 ** digits))) {
      element.textContent = number.format(value).replace("-", "−");
    }
  });
})();
