"""The targets of an evaluation: held-out random patches, human presets, recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.evaluation import Target
from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.recordings import read_recording
from synthgym.synths import Audio
from synthgym.targets import HELD_OUT, HeldOutPatches, audible
from synthgym.task import SoundMatchingTask

_RECORDINGS = {".wav", ".flac", ".ogg", ".aiff", ".aif"}


def read_targets(task: SoundMatchingTask, text: str) -> tuple[list[Target], int]:
    """Return targets, and how many were silent and are left out.

    Args:
        task: hears them.
        text: ``test:N``, the first N of the 1,000 held-out random patches; or a folder, of recordings or
            of presets of the synth, each sound once.

    Raises:
        SynthgymError: no such targets.
    """
    kind, _, count = text.partition(":")
    if kind == "test":
        if not count.isdigit():
            raise SynthgymError(f"{text!r} names no targets; give test:N (N to {HELD_OUT}) or a folder")
        items = HeldOutPatches().items(range(whole("number of targets", int(count), 1, HELD_OUT)))
        features = task.draw(items, count=False).heard.features
        return [
            Target(f"test:{i}", tuple(each[i : i + 1] for each in features)) for i in range(len(items))
        ], 0
    folder = Path(text)
    if not folder.is_dir():
        raise SynthgymError(f"no such folder: {text}; give test:N (N to {HELD_OUT}) or a folder")
    sounds = _recordings(task, folder) or _presets(task, folder)
    if not sounds:
        raise SynthgymError(f"{text} holds no recordings and no presets of this synth; give another folder")
    heard = [Target(name, task.listen(sound[None]).features) for name, sound in sounds if audible(sound)]
    return heard, len(sounds) - len(heard)


def _recordings(task: SoundMatchingTask, folder: Path) -> list[tuple[str, Audio]]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _RECORDINGS)
    synth = task.synth
    return [(path.name, read_recording(path, synth.sample_rate, synth.samples)) for path in paths]


def _presets(task: SoundMatchingTask, folder: Path) -> list[tuple[str, Audio]]:
    """Return every preset once, as the whole synth plays it, whatever parameters are free."""
    synth, seen, found = task.synth, set(), []
    for path, rows in synth.presets_in(folder):
        for number, row in enumerate(rows):
            if row.tobytes() not in seen:
                seen.add(row.tobytes())
                found.append((f"{path.relative_to(folder)}:{number}", synth.render(np.asarray(row)[None])[0]))
    return found
