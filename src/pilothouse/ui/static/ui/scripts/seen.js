// Tells the house what went wrong in this browser, how long the page took and which named things were pressed. Nothing
// of a person goes out: ids are taken out of addresses, and the server keeps only routes and masked words.
(() => {
  "use strict";
  const ADDRESS = "/v1/client-events";
  const EVENTS_MAX = 20;
  const WORDS_MAX = 200;
  const ERRORS_WAIT_MS = 1000;
  const page = withoutIds(location.pathname);
  let events = [];
  let timer = 0;

  function withoutIds(path) {
    const parts = path.slice(0, 300).split("/");
    return parts.map((part) => (/[0-9]|^.{25,}$/.test(part) && part !== "v1" ? "x" : part)).join("/");
  }

  function send() {
    clearTimeout(timer);
    timer = 0;
    if (!events.length || !navigator.sendBeacon) return;
    const body = JSON.stringify({ page, events });
    events = [];
    navigator.sendBeacon(ADDRESS, new Blob([body], { type: "application/json" }));
  }

  function add(event) {
    if (events.length < EVENTS_MAX) events.push(event);
  }

  function failed(error, message, file, line) {
    let script = "";
    try {
      const url = new URL(file);
      if (url.origin === location.origin) script = url.pathname.slice(0, 200);
    } catch {
      // An error without a file, or of an extension: it is counted without a script.
    }
    const name = String(error?.name ?? "Error").slice(0, WORDS_MAX);
    add({ kind: "error", name, message: String(message ?? "").slice(0, WORDS_MAX), script, line: line || 0 });
    timer ||= setTimeout(send, ERRORS_WAIT_MS);
  }

  addEventListener("error", (event) => {
    if (event instanceof ErrorEvent) failed(event.error, event.message, event.filename, event.lineno);
  });
  addEventListener("unhandledrejection", (event) => failed(event.reason, event.reason?.message ?? event.reason));

  addEventListener("load", () => setTimeout(() => {
    const [load] = performance.getEntriesByType("navigation");
    if (load?.loadEventEnd > 0) add({ kind: "page", ms: Math.min(600000, Math.round(load.loadEventEnd)) });
  }));

  document.addEventListener("click", (event) => {
    const named = event.target.closest?.("[data-action]");
    if (named) add({ kind: "act", name: named.dataset.action.slice(0, 60) });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method")?.toLowerCase() !== "post" || event.defaultPrevented) return;
    add({ kind: "act", to: withoutIds(new URL(form.action || location.href).pathname) });
  });

  addEventListener("pagehide", send);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") send();
  });
})();
