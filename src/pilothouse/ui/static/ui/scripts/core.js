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

  document.addEventListener("htmx:load", (event) => {
    if (event.target !== document.body) watchers.forEach((watcher) => visit(event.target, watcher));
  });

  window.Pilothouse = { each, now: () => Date.now() + skew };
})();
