// A live region is fetched again on each "changed" event of its stream; it says when the stream is lost and polls then.
(() => {
  "use strict";
  const POLL_EVERY_MS = 5000;
  let polling = 0;
  let stream = null;
  let told = "";

  function region(event) {
    return event.target.closest?.("[data-live-region]");
  }

  function show(state) {
    document.querySelectorAll("[data-live]").forEach((dot) => {
      dot.dataset.live = state;
      dot.textContent = dot.dataset[state] ?? "";
    });
  }

  document.addEventListener("htmx:sseOpen", (event) => {
    if (!region(event)) return;
    stream = event.detail.source;
    clearInterval(polling);
    show("on");
    // Whatever changed between the page and the stream is caught up here.
    window.htmx.trigger(region(event).querySelector("[data-live-body]") ?? region(event), "refresh");
  });
  document.addEventListener("htmx:sseError", (event) => {
    const lost = region(event);
    if (!lost) return;
    show("retry");
    clearInterval(polling);
    polling = setInterval(() => {
      if (!document.hidden) window.htmx.trigger(lost.querySelector("[data-live-body]") ?? lost, "refresh");
    }, POLL_EVERY_MS);
  });
  document.addEventListener("htmx:sseClose", () => {
    clearInterval(polling);
    show("off");
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const settled = event.target.closest?.("[data-live-region]");
    if (!settled) return;
    const sentence = settled.querySelector("[data-live-sentence]")?.textContent.trim() ?? "";
    if (sentence !== told) document.getElementById("announcer").textContent = sentence;
    told = sentence;
    if (settled.querySelector("[data-live-done]")) {
      clearInterval(polling);
      stream?.close();
      show("off");
    }
  });

  // A session that ended answers with the sign-in page: the whole page goes there, not a piece of it.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (!xhr.responseURL) return;
    if (new URL(xhr.responseURL).pathname !== new URL(requestConfig.path, location.href).pathname) {
      event.preventDefault();
      location.reload();
    }
  });

  // An open <details> stays open when its fragment is replaced.
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("details[id][open]")].map((details) => details.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  });
})();
