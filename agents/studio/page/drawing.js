// The outline of a recording, the curve of a search, and how a patch is joined.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
export const noteName = note => `${NAMES[note % 12]}${Math.floor(note / 12) - 1}`;

export function svg(tag, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

export function outline(canvas, peaks, begin, end) {
  const context = canvas.getContext("2d"), { width, height } = canvas;
  const style = getComputedStyle(canvas), wide = width / peaks.length;
  context.clearRect(0, 0, width, height);
  peaks.forEach((peak, i) => {
    const inside = (i + 1) / peaks.length > begin && i / peaks.length < end;
    context.fillStyle = inside ? style.color : style.borderTopColor;
    const high = Math.max(1, peak * (height - 4));
    context.fillRect(i * wide, (height - high) / 2, Math.max(1, wide - 1), high);
  });
}

export function curve(element, records, renders) {
  element.replaceChildren();
  if (!records?.length) return;
  const most = Math.max(renders, 2), top = Math.max(records[0][1], 0.1);
  const x = render => 40 + 550 * Math.log(render) / Math.log(most), y = far => 104 - 96 * far / top;
  element.append(svg("line", { x1: 40, y1: 104, x2: 590, y2: 104 }), svg("line", { x1: 40, y1: 8, x2: 40, y2: 104 }));
  for (const [far, at] of [[top, 12], [0, 104]]) element.append(svg("text", { x: 4, y: at + 2 }, far.toFixed(2)));
  element.append(svg("text", { x: 40, y: 118 }, "render 1"));
  for (let tick = 1; tick < most; tick *= 10) { // the axis is of logarithms
    element.append(svg("line", { x1: x(tick), y1: 104, x2: x(tick), y2: 108 }));
    if (tick > 1 && x(tick) < 520)
      element.append(svg("text", { x: x(tick), y: 118, "text-anchor": "middle" }, tick.toLocaleString("en")));
  }
  element.append(svg("text", { x: 590, y: 118, "text-anchor": "end" }, renders.toLocaleString("en")));
  let path = `M${x(records[0][0])} ${y(records[0][1])}`;
  for (const [render, far] of records.slice(1)) path += ` H${x(render)} V${y(far)}`;
  element.append(svg("path", { d: `${path} H590` }));
}

export function diagram(place, drawn) {
  place.replaceChildren();
  if (!drawn) return;
  const down = y => (drawn.height - y) * 70 - 30, element = svg("svg", {
    class: "diagram", role: "img", "aria-label": drawn.title, width: drawn.width * 80,
    viewBox: `0 0 ${drawn.width * 80} ${drawn.height * 70 + 10}` });
  for (const [x1, y1, x2, y2] of drawn.lines)
    element.append(svg("line", { x1: x1 * 80 + 40, y1: down(y1), x2: x2 * 80 + 40, y2: down(y2) }));
  for (const box of drawn.boxes) {
    const group = svg("g", { transform: `translate(${box.x * 80 + 40} ${down(box.y)})`,
      class: `${box.output ? "output" : ""} ${box.silent ? "silent" : ""}` });
    if (box.loop) group.append(svg("path", { d: "M20 -20 h12 v40 h-12" }));
    group.append(svg("rect", { x: -22, y: -22, width: 44, height: 44, rx: 4 }), svg("text", { y: -2 }, box.name),
      svg("text", { y: 14, class: "level" }, box.text));
    element.append(group);
  }
  const caption = document.createElement("p");
  caption.className = "hint";
  caption.textContent = `${drawn.title}. ${drawn.caption}`;
  place.append(element, caption);
}

export function envelopes(place, drawn) {
  place.replaceChildren(...drawn.map(({ name, path }) => {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const element = svg("svg", { class: "envelope", viewBox: "-2 -2 164 64", role: "img", "aria-label": name });
    element.append(svg("polyline", { points: path }));
    caption.textContent = name;
    figure.append(element, caption);
    return figure;
  }));
}
