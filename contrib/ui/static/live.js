// Lets a page that waits move on by itself, and counts the seconds until
// another message can be sent. All of it can be done without, by pressing.
"use strict";
(() => {
  const pause = seconds => new Promise(go => setTimeout(go, seconds * 1000));
  const seen = () => new Promise(go => {
    const look = () => document.hidden || (document.removeEventListener("visibilitychange", look), go());
    document.addEventListener("visibilitychange", look);
    look();
  });

  const watch = async url => {
    for (let trouble = 0; url;) {
      await seen();
      try {
        const answer = await fetch(url, { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.status);
        const { moved, again } = await answer.json();
        if (moved) {
          // Should the page come back as it was, it must not come back at once for ever.
          if (performance.now() < 3000 && performance.getEntriesByType("navigation")[0]?.type === "reload") await pause(5);
          return location.reload();
        }
        [url, trouble] = [again, 0];
        await pause(0.5);
      } catch {
        await pause(Math.min(60, 3 * 2 ** trouble++));
      }
    }
  };
  watch(document.currentScript.dataset.wait);

  const inWords = seconds => seconds > 90 ? Math.ceil(seconds / 60) + " minutes" : seconds === 1 ? "1 second" : seconds + " seconds";
  for (const note of document.querySelectorAll("[data-seconds]")) {
    const button = document.getElementById(note.dataset.of), said = document.getElementById(note.dataset.says);
    const ends = Date.now() + note.dataset.seconds * 1000;
    const left = () => Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    // A button that is the only one of its form may be about another address.
    const holds = !button.classList.contains("primary");
    if (holds) button.setAttribute("aria-disabled", "true");
    button.addEventListener("click", e => {
      if (!holds || !left()) return;
      e.preventDefault();
      said.textContent = "";
      requestAnimationFrame(() => { said.textContent = "Another message can be sent in " + inWords(left()) + "."; });
    });
    const tick = () => {
      const n = left();
      if (n) {
        note.querySelector("span").textContent = inWords(n);
        return setTimeout(tick, 1000);
      }
      button.removeAttribute("aria-disabled");
      note.remove();
      said.textContent = "Another message can be sent now.";
    };
    tick();
  }
})();
