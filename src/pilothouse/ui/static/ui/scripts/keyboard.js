// "/" goes to the search field; "g" and a letter goes to the page that carries this letter in the navigation.
(() => {
  "use strict";
  const CHORD_MS = 1200;
  let goPressedAt = -CHORD_MS;

  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      document.querySelectorAll("details.account-menu[open]").forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      if (event.target.matches?.("[data-search]")) event.target.blur();
      return;
    }
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    } else if (event.key === "g") {
      goPressedAt = performance.now();
      return;
    } else if (performance.now() - goPressedAt < CHORD_MS) {
      document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
    }
    goPressedAt = -CHORD_MS;
  });
})();
