"use strict";
// Keys play the nearest note that was rendered, faster or slower.
const rendered = JSON.parse(document.getElementById("rendered").textContent);
const keyboard = document.querySelector(".keyboard"), NAMES = "C C# D D# E F F# G G# A A# B".split(" ");

function strike(note) {
  const nearest = rendered.reduce((a, b) => Math.abs(b.note - note) < Math.abs(a.note - note) ? b : a);
  const sound = new Audio("data:audio/ogg;base64," + nearest.sound);
  sound.preservesPitch = false;
  sound.playbackRate = 2 ** ((note - nearest.note) / 12);
  sound.play();
}

for (let note = rendered[0].note; note <= rendered.at(-1).note; note++) {
  const key = document.createElement("button"), name = NAMES[note % 12] + (Math.floor(note / 12) - 1);
  key.className = NAMES[note % 12].length > 1 ? "black" : "white";
  key.setAttribute("aria-label", name);
  key.textContent = note % 12 === 0 ? name : "";
  key.addEventListener("click", () => strike(note));
  keyboard.append(key);
}
