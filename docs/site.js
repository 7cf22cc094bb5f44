// One sound at a time: what begins to play ends what plays.
document.addEventListener(
  "play",
  (event) => {
    for (const other of document.querySelectorAll("audio, video")) {
      if (other !== event.target) other.pause();
    }
  },
  true,
);
