// Files that are dropped or chosen go up one by one, each with its own progress; then the page shows them.
(() => {
  "use strict";

  function send(form, file, line) {
    return new Promise((done) => {
      const body = new FormData(form);
      body.delete("files");
      body.append("files", file);
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("X-Requested-With", "fetch");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) line.querySelector("progress").value = event.loaded / event.total;
      });
      request.addEventListener("loadend", () => {
        const good = request.status === 204;
        if (!good) {
          const words = document.createElement("span");
          words.dataset.refused = "";
          const plain = (request.getResponseHeader("Content-Type") || "").startsWith("text/plain");
          words.textContent = plain && request.responseText ? request.responseText : String(request.status || "×");
          line.querySelector("progress").replaceWith(words);
        }
        done(good);
      });
      request.send(body);
    });
  }

  window.Pilothouse.each("form[data-uploads]", (form) => {
    const zone = form.querySelector("[data-drop-zone]");
    const input = form.querySelector("input[type=file]");
    const list = form.querySelector("[data-upload-list]");
    form.querySelector("[data-upload-send]").hidden = true;
    form.dataset.scripted = "";

    async function take(files) {
      list.replaceChildren();
      const lines = files.map((file) => {
        const line = document.createElement("li");
        const name = document.createElement("span");
        name.className = "wrap-anywhere";
        name.textContent = file.name;
        const bar = document.createElement("progress");
        bar.max = 1;
        bar.value = 0;
        bar.setAttribute("aria-label", file.name);
        line.append(name, bar);
        list.append(line);
        return line;
      });
      let good = true;
      for (const [place, file] of files.entries()) good = (await send(form, file, lines[place])) && good;
      // A refused file stays named; the page comes again with the others when it is looked at next.
      if (good) location.reload();
      input.value = "";
    }

    input.addEventListener("change", () => take([...input.files]));
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.dataset.over = "";
    });
    zone.addEventListener("dragleave", () => delete zone.dataset.over);
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      delete zone.dataset.over;
      take([...event.dataTransfer.files]);
    });
  });
})();
