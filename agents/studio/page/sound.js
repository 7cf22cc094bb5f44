// Plays sounds one at a time, and records them.

let context = null, now = null;

function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

export async function play(bytes, alone = true) {
  const sound = await audio().decodeAudioData(bytes);
  if (alone) quiet();
  const source = audio().createBufferSource();
  source.buffer = sound;
  source.connect(audio().destination);
  source.start();
  if (alone) now = source;
  return sound.duration;
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
