// Starts the functions that a flow's own scripts provide (security keys and
// passkeys) for the nodes that name them. Loaded only where a flow has scripts.
"use strict";
addEventListener("load", () => {
  const call = (name, button) => {
    if (!/^ory(WebAuthn|Passkey)[A-Za-z]+$/.test(name) || typeof window[name] !== "function") return;
    let options;
    try { options = JSON.parse(button.value); } catch { options = undefined; }
    window[name](options);
  };
  for (const b of document.querySelectorAll("[data-click-runs]")) b.addEventListener("click", () => call(b.dataset.clickRuns, b));
  for (const b of document.querySelectorAll("[data-load-runs]")) call(b.dataset.loadRuns, b);
});
