// A file that is dropped on a text field is read into it, as if it had been pasted.
(() => {
  "use strict";
  const MAX_BYTES = 65536;

  window.Pilothouse.each("[data-takes-file]", (field) => {
    field.addEventListener("dragover", (event) => event.preventDefault());
    field.addEventListener("drop", async (event) => {
      const file = event.dataTransfer?.files?.[0];
      if (!file) return;
      event.preventDefault();
      field.value = await file.slice(0, MAX_BYTES).text();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  });
})();
