// The page: recordings, their searches, and what is taken away.

import { at, call, open, save } from "./api.js";
import { curve, noteName, outline } from "./drawing.js";
import { drawAnswers, drawPatch, follow } from "./patch.js";
import { asWav, record } from "./sound.js";
import { $, patches, say, takes, tried, view } from "./state.js";

let recording = null;

const busy = take => ["waiting", "preparing", "searching"].includes(take.state);

// Recordings

let opened; // settles when the page has its place in the studio

const uploaded = tried(async files => {
  const failed = [];
  await opened;
  for (const file of files) {
    say(`Reading ${file.name} …`);
    try {
      const take = await sent(file);
      shown(take);
      if (file === files[0]) choose(take.take);
      await search(take.take, { begin: take.begin, end: take.end, note: take.note });
    } catch (error) {
      failed.push(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
    }
  }
  say(failed.join(" "));
});

async function sent(file) {
  const path = `${at("", "").replace("/takes//", "/takes")}?name=${encodeURIComponent(file.name)}`;
  try {
    return await (await call(path, { body: file })).json();
  } catch (error) {
    if (error.status !== 400) throw error;
    // The browser may know a format that the studio does not.
    const wav = await asWav(file).catch(() => { throw error; });
    return (await call(path, { body: wav })).json();
  }
}

function search(number, more = {}) {
  const settings = { instrument: $("instrument").value, seconds: Number($("seconds").value), ...more };
  return call(at(number, "search"), { json: settings });
}

// What is asked for on the page, for the recording that is looked at.
const asked = () => ({ begin: Number($("begin").value), end: Number($("end").value), note: Number($("note").value) });

$("file").addEventListener("change", event => { uploaded([...event.target.files]); event.target.value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, event => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) uploaded([...event.dataTransfer.files]);
  });
}
$("record").addEventListener("click", tried(async () => {
  const button = $("record"), ended = recording;
  button.disabled = true;
  try {
    recording = ended ? null : await record();
  } finally {
    button.disabled = false;
    button.textContent = recording ? "Recording: press to end" : "Record from the microphone";
    button.classList.toggle("on", Boolean(recording));
  }
  if (ended) await uploaded([new File([await ended()], `recording ${takes.size + 1}.wav`)]);
}));

$("example").addEventListener("click", tried(async () => {
  const sound = await call("electric_piano.flac", { method: "GET" });
  await uploaded([new File([await sound.blob()], "electric piano.flac")]);
}));

// A search

$("search").addEventListener("click", tried(() => anew(asked())));
$("more").addEventListener("click", tried(() => {
  const starts = takes.get(view.chosen).answers.map(answer => answer.unit);
  return search(view.chosen, { ...ordered(), starts });
}));
$("from").addEventListener("click", tried(() => anew({ ...ordered(), starts: [patches.get(view.chosen).unit] })));

// What is played is what this search finds, once it is allowed.
async function anew(order, number = view.chosen) {
  await search(number, order);
  patches.delete(number);
}

$("stop").addEventListener("click", tried(() => call(at(view.chosen, "stop"))));
$("remove").addEventListener("click", tried(() => call(at(view.chosen, "").slice(0, -1), { method: "DELETE" })));

// The recording that is looked at is heard as it is set on the page, the others as they were matched or heard.
$("together").addEventListener("click", tried(async () => {
  const number = view.chosen, others = [...takes.values()].filter(take => take.take !== number);
  const parts = others.map(({ take, begin, end, note }) => ({ take, begin, end, note }));
  await anew({ ...asked(), others: parts }, number); // it waits until theirs have ended
  await Promise.all(others.filter(busy).map(({ take }) => call(at(take, "stop"))));
}));

// What the answers are of: a search goes on with that, whatever has been set on the page since.
function ordered() {
  const { instrument, begin, end, note, others } = takes.get(view.chosen);
  return { instrument, begin, end, note, others };
}

function shown(take) {
  if (take.state === "gone") {
    takes.delete(take.take);
    patches.delete(take.take);
    if (view.chosen === take.take) choose([...takes.keys()].at(-1) ?? null);
  } else {
    takes.set(take.take, take);
    if (!take.answers) patches.delete(take.take);
    if (view.chosen === null) choose(take.take);
    else if (view.chosen === take.take) draw(take);
    follow(take);
  }
  drawList();
}

// In place, so that the focus stays where it is.
function drawList() {
  const list = $("takes");
  for (const item of [...list.children]) if (!takes.has(Number(item.dataset.take))) item.remove();
  for (const take of takes.values()) {
    const item = list.querySelector(`[data-take="${take.take}"]`) ?? list.appendChild(listed(take));
    const [button] = item.children, [name, how] = button.children;
    name.textContent = take.name;
    how.textContent = take.answers ? take.answers[0].distance.toFixed(3) : take.state === "ready" ? "" : take.state;
    button.setAttribute("aria-current", take.take === view.chosen);
  }
  $("together").hidden = takes.size < 2 || takes.size > 16;
  $("together").disabled = view.chosen !== null && busy(takes.get(view.chosen));
  $("bank").hidden = [...takes.values()].filter(take => take.answers && take.bank).length < 2;
}

function listed(take) {
  const item = document.createElement("li"), button = document.createElement("button");
  item.dataset.take = take.take;
  button.type = "button";
  button.append(document.createElement("span"), document.createElement("span"));
  button.addEventListener("click", () => choose(take.take));
  item.append(button);
  return item;
}

function choose(number) {
  view.chosen = number;
  $("main").hidden = number === null;
  $("welcome").hidden = number !== null;
  if (number === null) return;
  const take = takes.get(number);
  for (const [id, value] of [["begin", take.begin], ["end", take.end]]) {
    $(id).max = take.seconds;
    $(id).value = value;
  }
  $("note").value = take.note;
  $("knobs").replaceChildren();
  draw(take);
  drawList();
  if (patches.get(number)?.shown) drawPatch();
  else follow(take);
}

const STATES = {
  ready: "", waiting: "Waiting.", preparing: "Getting ready.", searching: "Searching.", done: "Done.", failed: "" };

function draw(take) {
  $("name").textContent = take.name;
  $("heard").textContent = !take.heard ? "No pitch was heard: say the note."
    : take.heard.clear ? `heard as ${noteName(take.heard.note)}`
    : `perhaps ${noteName(take.heard.note)}: no clear pitch, as of a chord or a bell; correct it`;
  drawPart();
  const said = `${STATES[take.state]} ${take.message}`.trim();
  if ($("state").textContent !== said) $("state").textContent = said;
  $("figures").textContent = take.renders
    ? `${take.renders.toLocaleString("en")} renders in ${take.searched.toFixed(1)} s` : "";
  $("search").disabled = $("more").disabled = $("from").disabled = busy(take);
  $("more").hidden = !take.answers;
  $("stop").hidden = !busy(take);
  $("bar").hidden = !busy(take);
  if (take.state === "searching" && take.searched) $("bar").value = Math.min(1, take.searched / take.asked);
  else $("bar").removeAttribute("value");
  curve($("curve"), take.curve, take.renders);
  $("curve").toggleAttribute("hidden", !take.curve);
  $("found").hidden = !take.answers;
  if (take.answers) drawAnswers(take);
  drawApart(take.together ?? []);
}

function drawApart(each) {
  $("apart").hidden = !each.length;
  $("apart").querySelector("ul").replaceChildren(...each.map(({ recording, note, distance }) =>
    Object.assign(document.createElement("li"), { textContent: `${noteName(note)}, ${recording}: ${distance.toFixed(3)}` })));
}

function drawPart() {
  const take = takes.get(view.chosen), begin = Number($("begin").value), end = Number($("end").value);
  $("beginText").textContent = `${begin.toFixed(2)} s`;
  $("endText").textContent = `${end.toFixed(2)} s`;
  outline($("wave"), take.peaks, begin / take.seconds, end / take.seconds);
}
$("begin").addEventListener("input", drawPart);
$("end").addEventListener("input", drawPart);

// Downloads

const download = tried(async (button, path, json) => {
  button.disabled = true;
  try { await save(await call(path, json ? { json } : { method: "GET" })); } finally { button.disabled = false; }
});
for (const button of document.querySelectorAll(".download")) {
  button.addEventListener("click", () => {
    const { unit } = patches.get(view.chosen) ?? {};
    if (unit) download(button, at(view.chosen, "download"), { unit, what: button.dataset.what });
  });
}
$("page").addEventListener("click", event => download(event.target, at(view.chosen, "match.html")));
$("bank").addEventListener("click", event => download(event.target, at("", "").replace("/takes//", "/bank"), {}));

// The beginning

for (let note = 0; note < 128; note++) $("note").append(new Option(`${noteName(note)} (${note})`, note));

let said = false; // that the connection is lost, which is over when there is one again
function connection(state) {
  if (state === "lost") { // which is found out each second
    if (!said) say("The connection to the studio is lost; trying again. A search goes on for a while.");
    said = true;
  } else if (state === "ended") {
    say("This page's searches have ended: it was away for long, or the studio was started anew. Drop the recordings again.");
    said = false;
    for (const take of [...takes.keys()]) shown({ take, state: "gone" });
    sessionStorage.removeItem("page");
    opened = new Promise(done => setTimeout(done, 1500)).then(() => open(shown, connection));
    opened.catch(error => say(error.message));
  } else if (said) {
    say("");
    said = false;
  }
}

// Plugins that are new on this machine are looked at one after the other, and offered as they are known.
async function offer() {
  const { instruments, more } = await (await call("/api/instruments", { method: "GET" })).json(), list = $("instrument");
  instruments.forEach(({ key, name }, place) => {
    const there = [...list.options].find(option => option.value === key);
    if (there) there.text = name; else list.add(new Option(name, key), place);
  });
  if (more) setTimeout(() => offer().catch(() => {}), 2000);
}

async function begin() {
  await offer();
  await open(shown, connection);
}
opened = begin();
opened.catch(error => say(error.message));
