// Small acts that need no server: copy an id, open and close dialogs and menus, switch the theme, filter a timeline.
(() => {
  "use strict";
  const { each } = window.Pilothouse;

  async function copy(chip) {
    try {
      await navigator.clipboard.writeText(chip.dataset.copy);
    } catch {
      // Without the permission or on plain http the text is put on the clipboard the old way.
      const field = document.createElement("textarea");
      field.value = chip.dataset.copy;
      field.className = "sr-only";
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      chip.focus();
    }
    chip.dataset.copied = "";
    document.getElementById("announcer").textContent = chip.dataset.copiedText;
    setTimeout(() => delete chip.dataset.copied, 1500);
  }

  function toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    // The server reads this cookie and writes data-theme itself, so the next page never flashes.
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-copy]");
    if (chip) copy(chip);
    if (event.target.closest("[data-toggle-theme]")) toggleTheme();
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog")?.close();
    if (event.target.matches("dialog")) event.target.close();
    document.querySelectorAll("details.account-menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // A form that moves money or sends something goes out once, however often it is pressed.
  const SEND_AGAIN_AFTER_MS = 10000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method")?.toLowerCase() !== "post") return;
    if (form.dataset.sent !== undefined) event.preventDefault();
    form.dataset.sent = "";
    setTimeout(() => delete form.dataset.sent, SEND_AGAIN_AFTER_MS);
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  const filters = new Map();

  function filter(list) {
    const { words = "", moneyOnly = false } = filters.get(list.id) ?? {};
    list.querySelectorAll(".timeline-event").forEach((event) => {
      const matches = event.textContent.toLowerCase().includes(words.toLowerCase());
      event.hidden = !matches || (moneyOnly && event.dataset.money === undefined);
    });
  }

  each("[data-filters]", (field) => {
    const key = field.dataset.filters;
    const kept = filters.get(key) ?? {};
    if (field.type === "checkbox") field.checked = kept.moneyOnly ?? false;
    else field.value = kept.words ?? "";
    field.addEventListener("input", () => {
      const changed = field.type === "checkbox" ? { moneyOnly: field.checked } : { words: field.value };
      filters.set(key, { ...filters.get(key), ...changed });
      const list = document.getElementById(key);
      if (list) filter(list);
    });
  });
  each("ol.timeline[id]", filter);
})();
