// A keyboard of two octaves, by mouse, touch, tab, or the letters of the computer's own.

import { noteName } from "./drawing.js";

const BLACK = new Set([1, 3, 6, 8, 10]), LETTERS = "awsedftgyhujkolp";

export function makeKeyboard(place, press) {
  let lowest = 48;

  function draw(first) {
    lowest = first;
    place.replaceChildren(...Array.from({ length: 25 }, (_, i) => {
      const key = document.createElement("button"), note = first + i;
      key.type = "button";
      key.className = BLACK.has(i % 12) ? "black" : "white";
      key.dataset.note = note;
      key.disabled = note > 127;
      key.setAttribute("aria-label", noteName(note));
      key.textContent = i % 12 === 0 ? noteName(note) : "";
      key.addEventListener("pointerdown", event => { event.preventDefault(); key.focus(); struck(note); });
      // By Enter, space, or what reads the page aloud.
      key.addEventListener("click", event => { if (event.detail === 0) struck(note); });
      return key;
    }));
  }

  function struck(note) {
    const key = place.querySelector(`[data-note="${note}"]`);
    key?.classList.add("down");
    setTimeout(() => key?.classList.remove("down"), 200);
    press(note);
  }

  document.addEventListener("keydown", event => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    const i = LETTERS.indexOf(event.key.toLowerCase());
    if (event.key.length === 1 && i >= 0 && lowest + i <= 127) struck(lowest + i);
  });
  return { draw };
}
