// The parameters of a patch, as the synth groups them.

export function drawKnobs(place, groups, unit, turned) {
  place.replaceChildren(...groups.map(({ name, parameters }) => {
    const group = document.createElement("details"), title = document.createElement("summary");
    title.textContent = name || "All";
    group.open = groups.length === 1 || !matchMedia("(max-width: 52rem)").matches;
    group.append(title, ...parameters.map(parameter => knob(parameter, unit, turned)));
    return group;
  }));
}

// What they show, when only values have changed; false if they are others.
export function updateKnobs(place, groups, unit) {
  const parameters = groups.flatMap(group => group.parameters);
  const knobs = [...place.querySelectorAll("[data-index]")];
  if (knobs.length !== parameters.length) return false;
  for (const [i, { index, name, text }] of parameters.entries()) {
    if (knobs[i].dataset.name !== name) return false;
    if (knobs[i] !== document.activeElement) setTo(knobs[i], unit[index]);
    const shown = knobs[i].parentElement.querySelector("output");
    if (shown) {
      shown.textContent = text;
      knobs[i].setAttribute("aria-valuetext", text);
    }
  }
  return true;
}

function setTo(control, value) {
  control.value = control.tagName === "SELECT" ? Math.round(value * (control.length - 1)) : value;
}

function knob({ index, name, short, text, steps, labels }, unit, turned) {
  const label = document.createElement("label"), title = document.createElement("span");
  label.className = "knob";
  label.title = name;
  title.textContent = short;
  const control = document.createElement(labels.length ? "select" : "input");
  if (labels.length) {
    control.append(...labels.map((shown, i) => new Option(shown, i)));
    control.addEventListener("change", () => turned(index, control.value / (labels.length - 1)));
  } else {
    Object.assign(control, { type: "range", min: 0, max: 1, step: steps ? 1 / (steps - 1) : 0.005 });
    control.addEventListener("change", () => turned(index, Number(control.value)));
  }
  Object.assign(control.dataset, { index, name });
  control.setAttribute("aria-label", name);
  setTo(control, unit[index]);
  label.append(title, control);
  if (!labels.length) {
    const shown = document.createElement("output");
    shown.textContent = text;
    control.setAttribute("aria-valuetext", text);
    label.append(shown);
  }
  return label;
}
