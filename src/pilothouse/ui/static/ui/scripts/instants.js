// Times in the viewer's zone and language: relative for today, absolute beyond, the full instant on hover.
(() => {
  "use strict";
  const { each, now } = window.Pilothouse;
  const language = navigator.language;
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const thisYear = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  const absolute = new Intl.DateTimeFormat(language, thisYear);
  const dated = new Intl.DateTimeFormat(language, { ...thisYear, year: "numeric" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

  function text(at) {
    const then = new Date(at);
    const today = new Date(now());
    if (then.toDateString() !== today.toDateString()) {
      return (then.getFullYear() === today.getFullYear() ? absolute : dated).format(then);
    }
    const seconds = Math.round((at - now()) / 1000);
    if (Math.abs(seconds) < 5) return relative.format(0, "second");
    if (Math.abs(seconds) < 60) return relative.format(seconds, "second");
    if (Math.abs(seconds) < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
    return clock.format(then);
  }

  function write(element) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) return;
    element.title = full.format(at);
    element.textContent = element.dataset.instant === "absolute" ? dated.format(at) : text(at);
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
        return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(count);
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
