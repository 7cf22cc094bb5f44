"""Recordings as targets of an evaluation: one by one, or as many of an instrument as a target has notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.files import files_in, shown
from synthgym.notes import Notes
from synthgym.recorded_notes import read_manifest
from synthgym.recordings import as_target, read_mono, read_recording, without_offset
from synthgym.silence import start_of
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from .levels import by_loudness, velocity_of
from .pitch import note_of

SUFFIXES = {".wav", ".flac", ".ogg", ".aiff", ".aif", ".mp3"}
Known = tuple[int, int, float] | None
"""What a manifest says of a recording, if it does: note, velocity, seconds held."""


def recordings(task: SoundMatchingTask, source: Path) -> list[tuple[str, Audio, Notes]]:
    """Return the targets in a file or folder: the name of each, its sound, and what it is played at.

    Args:
        task: that they are for. Of one note a target, each recording is one. Of several, a folder of as many
            recordings is one, by its name, or each folder in a folder without recordings.
        source: a recording, or a folder.

    Returns:
        For each a name, audio (samples,) and a note (3,); of k notes a target, audio (k, samples), the
        loudest levelled as a single recording is, and notes (k, 3).

    Raises:
        SynthgymError: a recording cannot be read or has no pitch where one is needed; or, of several notes a
            target, a folder has not as many, or two of one note.
    """
    if task.notes_per_target > 1:
        return [_instrument(task, folder, paths) for folder, paths in _instruments(source)]
    paths, synth = _recordings_in(source), task.synth
    return [
        (shown(path.name), read_recording(path, synth.sample_rate, synth.samples), note)
        for path, note in zip(paths, _notes_of_recordings(task, paths), strict=True)
    ]


def _recordings_in(source: Path) -> list[Path]:
    files, unreadable = files_in(source, below=False) if source.is_dir() else ([source], [])
    if unreadable:
        raise SynthgymError(f"cannot read the folder {shown(str(source))}; give one that you may read")
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _notes_of_recordings(task: SoundMatchingTask, paths: Sequence[Path]) -> list[NDArray[np.float64]]:
    """Return the notes (3,) that recordings are matched at: what varies is their own, by manifest or by ear.

    What does not vary is played as it is by the environment.
    """
    (middle,) = task.note.middle()
    if not task.note.varies:
        return [middle] * len(paths)
    known = read_manifest(paths[0].parent) if paths else {}
    return [_note_of_recording(task, path, known.get(path.name), middle) for path in paths]


def _note_of_recording(
    task: SoundMatchingTask, path: Path, known: Known, middle: NDArray[np.float64]
) -> NDArray[np.float64]:
    own = middle.copy()
    if known is not None:
        own[:] = known
    elif 0 in task.note.varies:
        heard = note_of(*read_mono(path))
        if heard is None:
            raise SynthgymError(f"{path} has no pitch, and its note is not known; leave it out")
        own[0] = heard
    low, high = task.note.range
    if 0 in task.note.varies and not low[0] <= own[0] <= high[0]:
        raise SynthgymError(
            f"{path} is of note {own[0]:g}, and the environment plays {task.note.text(0)}; leave it out"
        )
    varies = np.isin(range(3), task.note.varies)
    return np.where(varies, np.clip(own, low, high), middle)


def _instruments(source: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Give the folder that holds recordings, or those in it that do, and their recordings."""
    if not source.is_dir():
        if source.suffix.lower() in SUFFIXES:
            raise SynthgymError(
                f"{source} is one recording, and a target has several notes (notes_per_target); "
                "give a folder of as many"
            )
        return
    if paths := _recordings_in(source):
        yield source, paths
        return
    for folder in sorted(
        path for path in source.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        if paths := _recordings_in(folder):
            yield folder, paths


def _instrument(
    task: SoundMatchingTask, folder: Path, paths: Sequence[Path]
) -> tuple[str, Audio, NDArray[np.float64]]:
    """Return a target of the recordings of a folder: their velocities and levels are to each other as
    ``match.py --together`` takes them."""
    if len(paths) != task.notes_per_target:
        raise SynthgymError(
            f"{folder} holds {len(paths)} recordings, and a target has {task.notes_per_target} notes "
            "(notes_per_target); give each instrument a folder of its own, with as many"
        )
    rate, samples = task.synth.sample_rate, task.synth.samples
    sounds = [read_mono(path) for path in paths]
    peaks = [_peak(*sound, samples / rate) for sound in sounds]
    played = np.stack(_notes_of_recordings(task, paths))
    if 1 in task.note.varies:
        known, (low, high) = read_manifest(folder), task.note.range
        for row, path, peak in zip(played, paths, peaks, strict=True):
            if path.name not in known:
                same = [other for other, pitch in zip(peaks, played[:, 0], strict=True) if pitch == row[0]]
                row[1] = np.clip(velocity_of(peak, same), low[1], high[1])
    for i, note in enumerate(played.tolist()):
        if note in played[:i].tolist():
            other = paths[played.tolist().index(note)]
            raise SynthgymError(
                f"{other} and {paths[i]} are both of note {note[0]:g} at velocity {note[1]:g}; "
                "give another recording for one of them"
            )
    clips = [as_target(*sound, rate, samples) for sound in sounds]
    return shown(folder.resolve().name), by_loudness(clips, peaks), played


def _peak(sound: Audio, rate: int, seconds: float) -> float:
    """Return the peak of what is matched of a recording, as it is in the file."""
    audio = without_offset(sound, rate)
    start = start_of(audio, rate)
    return float(np.abs(audio[start : start + math.ceil(seconds * rate)]).max())
