// Plays sounds one at a time, and records them.

let context = null, now = null;

function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

const FADE = .01; // seconds

// Sounds a buffer from a time on, and as far into it.
function sounded(sound, time, offset = 0) {
  const source = audio().createBufferSource(), level = audio().createGain();
  source.buffer = sound;
  source.connect(level).connect(audio().destination);
  source.start(time, offset);
  return { source, level: level.gain };
}

export async function play(bytes, alone = true) {
  const sound = await audio().decodeAudioData(bytes);
  if (alone) quiet();
  const { source } = sounded(sound, audio().currentTime);
  if (alone) now = source;
  return sound.duration;
}

function faded(level, from, to, time) {
  level.cancelScheduledValues(time);
  level.setValueAtTime(from, time);
  level.linearRampToValueAtTime(to, time + FADE);
}

// Sounds how a sound begins, and goes on with the whole of it when that has come.
export async function playBegun(bytes, coming) {
  const begin = await audio().decodeAudioData(bytes), began = audio().currentTime;
  const first = sounded(begin, began), end = began + begin.duration - FADE;
  faded(first.level, 1, 0, end);
  const whole = await audio().decodeAudioData(await coming), time = audio().currentTime + FADE;
  if (time < end) faded(first.level, 1, 0, time);
  faded(sounded(whole, time, time - began).level, 0, 1, time);
}

export function quiet() {
  try { now?.stop(); } catch { /* it has ended */ }
  now = null;
}

// A file that the studio cannot read, but this browser can, as a WAV.
export async function asWav(file) {
  const sound = await audio().decodeAudioData(await file.arrayBuffer());
  const count = sound.length, view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (place, letters) => [...letters].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, sound.sampleRate, true); view.setUint32(28, 2 * sound.sampleRate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, 2 * count, true);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  for (let i = 0; i < count; i++) {
    const mean = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
    view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, mean))), true);
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}

// Begins to record; the function that it gives ends it and gives the recording.
export async function record() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser cannot record; drop a file instead.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch {
    throw new Error("No microphone may be used: allow it in the browser, or drop a file instead.");
  }
  const recorder = new MediaRecorder(stream), parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.start();
  return () => new Promise((done, fail) => {
    recorder.onstop = () => {
      stream.getTracks().forEach(track => track.stop());
      asWav(new Blob(parts)).then(done, () => fail(new Error("Nothing was recorded; try again.")));
    };
    recorder.stop();
  });
}
