// Times in the viewer's zone and language: relative for today, absolute beyond, the full instant on hover.
(() => {
  "use strict";
  const { each, now, locale } = window.Pilothouse;
  const { full, clock, absolute, dated, relative, lasting } = locale === null ? ofThePage() : ofTheBrowser(locale);

  function ofTheBrowser(language) {
    const thisYear = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
    const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
    const date = (options) => {
      const format = new Intl.DateTimeFormat(language, options);
      return (at) => format.format(at);
    };
    return {
      full: date({ dateStyle: "full", timeStyle: "long" }),
      clock: date({ hour: "2-digit", minute: "2-digit" }),
      absolute: date(thisYear),
      dated: date({ ...thisYear, year: "numeric" }),
      relative: (count, unit) => ago.format(count, unit),
      lasting: (count, unit) =>
        new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(count),
    };
  }

  // A language that the browser does not know: figures as the server writes them, and words that the page brings.
  function ofThePage() {
    const words = document.querySelector('meta[name="time-words"]').dataset;
    const two = (number) => String(number).padStart(2, "0");
    const clock = (at) => `${two(new Date(at).getHours())}:${two(new Date(at).getMinutes())}`;
    const day = (at) => [new Date(at).getMonth() + 1, new Date(at).getDate()].map(two).join(".");
    const dated = (at) => `${new Date(at).getFullYear()}.${day(at)}, ${clock(at)}`;
    const said = (pattern, count) => pattern.replace("{count}", Math.abs(count));
    return {
      full: dated,
      clock,
      absolute: (at) => `${day(at)}, ${clock(at)}`,
      dated,
      relative: (count, unit) => (count ? said(words[`${unit}${count < 0 ? "Ago" : "Ahead"}`], count) : words.now),
      lasting: (count, unit) => said(words[unit], count),
    };
  }

  function text(at) {
    const then = new Date(at);
    const today = new Date(now());
    if (then.toDateString() !== today.toDateString()) {
      return (then.getFullYear() === today.getFullYear() ? absolute : dated)(then);
    }
    const seconds = Math.round((at - now()) / 1000);
    if (Math.abs(seconds) < 5) return relative(0, "second");
    if (Math.abs(seconds) < 60) return relative(seconds, "second");
    if (Math.abs(seconds) < 3600) return relative(Math.trunc(seconds / 60), "minute");
    return clock(then);
  }

  function write(element) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) return;
    element.title = full(at);
    element.textContent = element.dataset.instant === "absolute" ? dated(at) : text(at);
  }

  each("time[data-instant]", write);
  setInterval(() => document.querySelectorAll("time[data-instant]").forEach(write), 15000);

  const parts = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function left(seconds) {
    const from = parts.findIndex(([, size]) => seconds >= size);
    const shown = parts.slice(from < 0 ? 3 : from, (from < 0 ? 3 : from) + 2);
    let rest = seconds;
    return shown
      .map(([unit, size]) => {
        const count = Math.floor(rest / size);
        rest -= count * size;
        return lasting(count, unit);
      })
      .join(" ");
  }

  function count(element) {
    const due = Date.parse(element.dataset.due);
    const start = Date.parse(element.dataset.start);
    const seconds = Math.max(0, Math.round((due - now()) / 1000));
    const share = due > start ? Math.min(1, (seconds * 1000) / (due - start)) : 0;
    element.dataset.stage = share <= 0.1 ? "last" : share <= 0.25 ? "soon" : "calm";
    element.querySelector("[data-left]").textContent = seconds ? left(seconds) : element.dataset.dueText;
    element.querySelector(".countdown-fill").setAttribute("width", `${(share * 100).toFixed(2)}%`);
  }

  each("[data-countdown]", count);
  setInterval(() => document.querySelectorAll("[data-countdown]").forEach(count), 1000);
})();
