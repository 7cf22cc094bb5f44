"use strict";
const players = document.querySelectorAll("audio"), buttons = document.querySelectorAll(".play");
let now = 0, answer = 1;

function play(which) {
  players.forEach(player => player.pause());
  now = which;
  if (which > 0) answer = which;
  players[which].currentTime = 0;
  players[which].play();
  buttons.forEach((button, i) => button.classList.toggle("on", i === which));
}

buttons.forEach((button, i) => button.addEventListener("click", () => play(i)));
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const which = { a: 0, b: 1, " ": now === 0 ? answer : 0 }[event.key] ?? Number(event.key);
  if (!(which in players)) return;
  event.preventDefault();
  play(which);
});
