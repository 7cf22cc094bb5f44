// The answers of a recording, and the patch that is played.

import { at, call } from "./api.js";
import { diagram, envelopes } from "./drawing.js";
import { makeKeyboard } from "./keyboard.js";
import { drawKnobs, updateKnobs } from "./knobs.js";
import { play, playBegun, quiet } from "./sound.js";
import { $, patches, say, takes, tried, view } from "./state.js";

const playing = new Map(); // sounds that were rendered for keys

// Listening

const sounds = (take, i) => `${at(take.take, `sounds/${i}.wav`)}?version=${take.version}`;
const listen = tried(async i => {
  const take = takes.get(view.chosen);
  if (!take?.answers || i > take.answers.length) return;
  await play(await (await call(sounds(take, i), { method: "GET" })).arrayBuffer());
});

export function drawAnswers(take) {
  const patch = patches.get(take.take);
  const cards = [["Recording", take.target], ...take.answers.map((a, i) => [`Answer ${i + 1}`, a.picture, a])];
  if ($("cards").childElementCount !== cards.length) $("cards").replaceChildren(...cards.map((_, i) => card(i)));
  cards.forEach(([title, picture, answer], i) => {
    const element = $("cards").children[i], [name, far] = element.querySelectorAll("p span");
    name.textContent = title;
    far.textContent = answer ? answer.distance.toFixed(3) : "";
    const image = element.querySelector("img");
    if (image.src !== picture) image.src = picture;
    image.alt = `Spectrogram of ${title.toLowerCase()}`;
    const here = Boolean(answer) && !patch?.own && answer.unit.every((value, k) => Math.abs(value - patch?.unit[k]) < 1e-6);
    element.classList.toggle("chosen", here);
    element.querySelector(".choose")?.setAttribute("aria-pressed", here);
  });
}

function card(i) {
  const element = document.createElement("div"), image = document.createElement("img");
  const line = document.createElement("p"), buttons = document.createElement("div");
  const button = (text, name, action) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", textContent: text, className: name });
    made.addEventListener("click", action);
    return made;
  };
  element.className = "card";
  buttons.className = "row";
  line.append(document.createElement("span"), document.createElement("span"));
  const title = i ? `answer ${i}` : "recording";
  buttons.append(button("Hear", "hear", () => listen(i)));
  buttons.firstChild.setAttribute("aria-label", `Hear ${title}`);
  if (i) {
    buttons.append(button("Use", "choose", tried(() => use(takes.get(view.chosen), i))));
    buttons.lastChild.setAttribute("aria-label", `Use ${title}`);
  }
  element.append(image, line, buttons);
  return element;
}

// The patch that is played

// As long as nobody has chosen or turned anything, it is the nearest answer.
export async function follow(take) {
  const patch = patches.get(take.take);
  if (!take.answers || take.take !== view.chosen) return;
  if (patch && !(patch.following && patch.version !== take.version)) return;
  // A message of something else stays.
  await use(take, 1, true).catch(error => say(error.message));
}

async function use(take, answer, following = false) {
  const { unit } = take.answers[answer - 1];
  patches.set(take.take, { unit, name: `answer ${answer}`, answer, following, version: take.version, before: [] });
  await described(take.take, "patch", { unit });
}

async function described(number, what, json) {
  const patch = patches.get(number);
  const found = await (await call(at(number, what), { json })).json();
  if (patches.get(number) !== patch) return;
  Object.assign(patch, { unit: found.unit, shown: found });
  if (number === view.chosen) drawPatch();
}

// Something of a person's own, which can be undone. It counts from now on: a second turn goes on from it.
async function changed(what, json, name) {
  const number = view.chosen, patch = patches.get(number);
  const before = [...patch.before, { unit: patch.unit, name: patch.name, own: patch.own, answer: patch.answer }];
  const next = { ...patch, name, own: true, following: false, before, unit: json.unit };
  patches.set(number, next);
  try {
    await described(number, what, json);
  } catch (error) {
    if (patches.get(number) === next) patches.set(number, patch);
    throw error;
  }
  if (number === view.chosen && patches.get(number) === next) await hear();
}
const turned = tried((index, value) => {
  const unit = [...patches.get(view.chosen).unit];
  unit[index] = value;
  return changed("patch", { unit }, "turned by hand");
});
const vary = how => tried(() => changed(
  "vary", { unit: patches.get(view.chosen).unit, how, seed: Math.floor(Math.random() * 2 ** 32) }, "a variation"));
$("little").addEventListener("click", vary("little"));
$("lots").addEventListener("click", vary("more"));
$("back").addEventListener("click", tried(async () => {
  const number = view.chosen, patch = patches.get(number), last = patch.before.at(-1);
  patches.set(number, { ...patch, ...last, before: patch.before.slice(0, -1) });
  await described(number, "patch", { unit: last.unit });
}));

export function drawPatch() {
  const patch = patches.get(view.chosen), { shown } = patch;
  playing.clear();
  $("patchName").textContent = `${patch.name}, distance ${shown.distance.toFixed(3)}`;
  $("back").disabled = !patch.before.length;
  if (!updateKnobs($("knobs"), shown.groups, patch.unit)) drawKnobs($("knobs"), shown.groups, patch.unit, turned);
  diagram($("diagram"), shown.diagram);
  envelopes($("envelopes"), shown.envelopes);
  const take = takes.get(view.chosen);
  $("preset").textContent = `Preset (${take.preset})`;
  $("neighbours").hidden = !take.bank;
  drawAnswers(take);
}

async function hear() {
  const { unit } = patches.get(view.chosen) ?? {};
  if (!unit) return;
  await play(await (await call(at(view.chosen, "sound"), { json: { unit } })).arrayBuffer());
}
$("hear").addEventListener("click", tried(hear));

// A synth that is slow gives how the sound begins before the whole of it.
const keyboard = makeKeyboard($("piano"), tried(async note => {
  const number = view.chosen, patch = patches.get(number), velocity = Number($("velocity").value);
  const key = `${number} ${note} ${velocity}`;
  if (!patch) return;
  if (playing.has(key)) return play(playing.get(key).slice(0), false);
  const given = { unit: patch.unit, note, velocity };
  const pressed = begin => call(at(number, "key"), { json: { ...given, begin } });
  const answer = await pressed(true), complete = answer.headers.get("Synthgym-Complete") === "yes";
  const whole = (complete ? Promise.resolve(answer) : pressed(false)).then(one => one.arrayBuffer());
  const copy = whole.then(bytes => bytes.slice(0));
  if (complete) await play(await copy, false);
  else await playBegun(await answer.arrayBuffer(), copy);
  if (patches.get(number) === patch) playing.set(key, await whole);
}));
for (let octave = -1; octave <= 8; octave++) $("octave").append(new Option(`C${octave}`, 12 * (octave + 1)));
$("octave").value = 48;
$("octave").addEventListener("change", () => keyboard.draw(Number($("octave").value)));
keyboard.draw(48);

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
  if (/^[0-3]$/.test(event.key)) listen(Number(event.key));
  if (event.key === " " && !event.target.closest("button, summary") && patches.has(view.chosen)) {
    event.preventDefault();
    tried(hear)();
  }
  if (event.key === "Escape") quiet();
});
