// Says on the page why a passkey was not used; without this the reason would only be in the console.
(() => {
  "use strict";
  const box = document.getElementById("passkey-error");

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const unsupported = !window.PublicKeyCredential || event.detail.exception?.name === "SecurityError";
    box.textContent = unsupported ? box.dataset.unsupported : box.dataset.cancelled;
    box.hidden = false;
  });
})();
