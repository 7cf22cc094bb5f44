"use strict";
// A sound is decoded when it is played, a picture when it is scrolled to: a thousand of them cost little.
const media = JSON.parse(document.getElementById("media").textContent);
const audio = document.getElementById("audio");
const body = document.querySelector("#matches tbody");
const all = [...body.rows];
const player = { text: document.getElementById("chosen"), buttons: document.querySelectorAll(".player [data-side]") };
let chosen = null, side = 0;

function play(row, which) {
  if (!row) return;
  chosen?.classList.remove("chosen");
  chosen = row;
  side = which;
  row.classList.add("chosen");
  audio.src = "data:audio/ogg;base64," + media[row.dataset[which ? "match" : "target"]];
  audio.play();
  player.text.textContent = row.dataset.name;
  player.buttons.forEach((button, i) => button.classList.toggle("on", i === which));
}

function visible() { return [...body.rows].filter(row => !row.hidden); }

body.addEventListener("click", event => {
  const button = event.target.closest("[data-side]");
  const row = event.target.closest("tr");
  if (button) play(row, Number(button.dataset.side));
});
player.buttons.forEach((button, i) => button.addEventListener("click", () => play(chosen ?? visible()[0], i)));

document.addEventListener("keydown", event => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = visible(), at = rows.indexOf(chosen);
  const to = { a: [chosen, 0], b: [chosen, 1], " ": [chosen, 1 - side],
    ArrowDown: [rows[at + 1], side], ArrowUp: [rows[at - 1], side] }[event.key];
  if (!to) return;
  event.preventDefault();
  play(to[0] ?? chosen ?? rows[0], to[1]);
  chosen?.scrollIntoView({ block: "nearest" });
});

// Sorting: the first click on a column sorts it ascending, the next one the other way.
document.querySelectorAll("#matches th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentElement, column = head.cellIndex;
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  document.querySelectorAll("#matches th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = head.hasAttribute("data-number");
  all.sort((a, b) => {
    const x = key(a), y = key(b);
    if (!numeric) return sign * x.localeCompare(y, undefined, { numeric: true });
    // What has no value comes last, whichever way.
    return (x === "") - (y === "") || sign * (x - y);
  });
  body.append(...all);
}));

const seen = new IntersectionObserver(entries => entries.filter(entry => entry.isIntersecting).forEach(({ target }) => {
  target.src = "data:image/png;base64," + media[target.dataset.picture];
  seen.unobserve(target);
}), { rootMargin: "500px" });
body.querySelectorAll("[data-picture]").forEach(picture => seen.observe(picture));

// Filters.
const agent = document.getElementById("agent"), words = document.getElementById("words");
const count = document.getElementById("count");
function filter() {
  for (const row of all) {
    row.hidden = (agent.value && row.cells[1].textContent !== agent.value) ||
      !row.cells[0].textContent.toLowerCase().includes(words.value.toLowerCase());
  }
  count.textContent = visible().length;
}
agent.addEventListener("change", filter);
words.addEventListener("input", filter);
filter();
