"use strict";
const players = document.querySelectorAll("audio"), buttons = document.querySelectorAll("[data-side]");
let side = 1;

function play(which) {
  players[1 - which].pause();
  side = which;
  players[which].currentTime = 0;
  players[which].play();
  buttons.forEach((button, i) => button.classList.toggle("on", i === which));
}

buttons.forEach((button, i) => button.addEventListener("click", () => play(i)));
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const which = { a: 0, b: 1, " ": 1 - side }[event.key];
  if (which === undefined) return;
  event.preventDefault();
  play(which);
});
