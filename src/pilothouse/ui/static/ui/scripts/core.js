// What the other scripts share: run a function on each matching element, now and in every fragment that arrives.
(() => {
  "use strict";
  const watchers = [];

  function visit(root, { selector, run }) {
    if (root.matches?.(selector)) run(root);
    root.querySelectorAll(selector).forEach(run);
  }

  function each(selector, run) {
    const watcher = { selector, run };
    watchers.push(watcher);
    visit(document, watcher);
  }

  // The page may show a clock that is not this machine's (a rehearsal): all differences are taken from the page's.
  const meta = document.querySelector('meta[name="server-now"]');
  const skew = meta ? Date.parse(meta.content) - Date.now() : 0;

  // English is read the world over: its numbers and times are written as the viewer's own browser writes them. A page in
  // another language is written in that language, by the browser where it knows it (Chromium knows no Mongolian: null).
  const page = document.documentElement.lang || "en";
  const wanted = page === "en" ? navigator.language : page;
  const locale = Intl.DateTimeFormat.supportedLocalesOf(wanted).length || page === "en" ? wanted : null;

  document.addEventListener("htmx:load", (event) => {
    if (event.target !== document.body) watchers.forEach((watcher) => visit(event.target, watcher));
  });

  window.Pilothouse = { each, now: () => Date.now() + skew, locale };
})();
