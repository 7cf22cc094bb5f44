// What the page asks of the studio. What goes wrong is an Error with a sentence.

export let page = null;

export async function call(path, { body, json, method = "POST" } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body: json === undefined ? body : JSON.stringify(json) });
  } catch {
    throw new Error("The studio does not answer: is it still running in its terminal?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text;
  try { message = JSON.parse(text).error; } catch { /* it is plain text */ }
  throw Object.assign(new Error(message || `The studio answered ${answer.status}.`), { status: answer.status });
}

export const at = (take, what) => `/api/pages/${page}/takes/${take}/${what}`;

// A page that is loaded anew goes on; a copy of it in another tab is a page of its own.
export async function open(onTake, onState) {
  const kept = sessionStorage.getItem("page");
  if (!(kept && await held(kept) && await connected(kept, onTake, onState))) {
    page = (await (await call("/api/pages")).json()).page;
    sessionStorage.setItem("page", page);
    await held(page);
    await connected(page, onTake, onState);
  }
}

// Whether no other tab has the page; one that is loaded anew gives it up a moment later.
function held(name) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise(tell => {
    navigator.locks.request(`synthgym ${name}`, { signal: AbortSignal.timeout(1500) }, () => {
      tell(true);
      return new Promise(() => {});
    }).catch(() => tell(false));
  });
}

function connected(name, onTake, onState) {
  return new Promise(tell => {
    const events = new EventSource(`/api/pages/${name}/events`);
    events.onopen = () => { page = name; tell(true); onState("connected"); };
    events.onmessage = event => onTake(JSON.parse(event.data));
    events.onerror = () => {
      const ended = events.readyState === EventSource.CLOSED;
      tell(false);
      // A page that is loaded anew loses its connection as well, but has no time left then.
      setTimeout(() => page === name && onState(ended ? "ended" : "lost"), 500);
    };
  });
}

export async function save(answer) {
  const named = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = named ? decodeURIComponent(named[1]) : "match";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
