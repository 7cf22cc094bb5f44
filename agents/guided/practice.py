"""What a network of steps practises on: climbs towards random patches and recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.notes import Notes
from synthgym.patches import PatchId, PatchStream
from synthgym.recorded_notes import read_manifest
from synthgym.recordings import read_recording
from synthgym.synths.audible import audible
from synthgym.task import SoundMatchingTask

from .climbs import Climbs
from .config import TrainerConfig
from .pooling import pooled

_SHORTEST = 40
"""Renders of a climb, at least."""
_CHUNK = 64


def distances(features: Features, targets: Features, each: int = 1) -> NDArray[np.float64]:
    """Return the distances (N, each) of features (N each, frames, bins) from targets (N, frames, bins).

    Args:
        features: float32, those of a target's patches one after the other.
        targets: float32.
        each: how many patches a target has.

    Returns:
        Float64 (N, each) in [0, 1].
    """
    far = np.empty((len(targets), each))
    for i in range(0, len(targets), _CHUNK):
        aim = targets[i : i + _CHUNK]
        chunk = features[i * each : (i + len(aim)) * each]
        far[i : i + len(aim)] = distance(chunk, np.repeat(aim, each, axis=0)).reshape(-1, each)
    return far


class Recordings:
    """Recordings of notes, as targets that no patch of the synth is known to make.

    Args:
        folder: with their manifest.
        task: extracts their features.

    Raises:
        SynthgymError: it has none at the task's notes.
    """

    def __init__(self, folder: Path, task: SoundMatchingTask) -> None:
        synth, (low, high) = task.synth, task.note.range
        found, notes = [], []
        for name, note in sorted(read_manifest(folder).items()):
            if not low[0] <= note[0] <= high[0]:
                continue
            sound = read_recording(folder / name, synth.sample_rate, synth.samples)
            if audible(sound):
                found.append(task.extract(sound[None]).features[0].astype(np.float16))
                notes.append(np.clip(note, low, high))
        if not found:
            raise SynthgymError(f"{folder} has no recordings at {task.note}; synthgym real-sounds makes some")
        self._features, self._notes = np.concatenate(found), np.array(notes)

    def some(self, count: int, rng: np.random.Generator) -> tuple[Features, NDArray[np.float64]]:
        """Return targets (count, frames, bins) of one pitch, and their note (3,) in the mean.

        Args:
            count: how many.
            rng: of all that is random.

        Returns:
            Float32 (count, frames, bins), and float64 (3,), in which note and velocity are rounded.
        """
        pitch = self._notes[rng.integers(len(self._notes)), 0]
        (same,) = np.nonzero(self._notes[:, 0] == pitch)
        chosen = rng.choice(same, count, replace=len(same) < count)
        note = self._notes[chosen].mean(axis=0)
        note[:2] = np.rint(note[:2])
        return self._features[chosen].astype(np.float32), note


class Practice:
    """Groups of climbs, each with targets and starts of one note, that are made anew when they have ended.

    Args:
        task: renders.
        config: of the training.
        seed: of the run.
        first: number of the first patch of the train stream that may be a target.
    """

    def __init__(self, task: SoundMatchingTask, config: TrainerConfig, seed: int, first: int) -> None:
        self._task, self._config = task, config
        self._targets, self._starts = PatchStream("train", seed), PatchStream("start", seed)
        self._next = self._made = first
        self._rng = np.random.default_rng([seed, first])
        self._recordings = None if config.sounds is None else Recordings(Path(config.sounds), task)
        self._left = np.zeros(config.groups, np.int64)
        parts = [self._group(number, first=True) for number in range(config.groups)]
        self.targets = np.concatenate([targets for targets, _ in parts])
        """Features of the targets, (groups climbs, frames, bins)."""
        fields = zip(*((c.target, c.notes, c.unit, c.sound, c.far) for _, c in parts), strict=True)
        self.climbs = Climbs(*(np.concatenate(field) for field in fields))

    def spend(self, renders: int) -> None:
        """Count renders of every climb, and make the groups anew that have spent what they had."""
        self._left -= renders
        each, climbs = self._config.climbs, self.climbs
        for number in np.flatnonzero(self._left <= 0).tolist():
            rows = slice(number * each, (number + 1) * each)
            self.targets[rows], new = self._group(number)
            climbs.target[rows], climbs.notes[rows], climbs.unit[rows] = new.target, new.notes, new.unit
            climbs.sound[rows], climbs.far[rows] = new.sound, new.far

    def _group(self, number: int, *, first: bool = False) -> tuple[Features, Climbs]:
        config, task, rng = self._config, self._task, self._rng
        longest = rng.uniform(0, config.longest) if first else config.longest
        self._left[number] = int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(max(longest, _SHORTEST)))))
        if self._recordings is not None and number % 2:
            targets, note = self._recordings.some(config.climbs, rng)
        else:
            note = task.note.draw(rng)
            ids = self._targets.ids(range(self._next, self._next + config.climbs))
            notes = np.repeat(note[None], config.climbs, axis=0)
            targets = task.make_patches(ids, notes=notes).rendered.features[0]
            self._next += config.climbs
        ids = self._starts.ids(range(self._made, self._made + config.bank))
        self._made += config.bank
        return targets, from_nearest(task, targets, np.repeat(note[None], config.climbs, axis=0), ids)


def from_nearest(task: SoundMatchingTask, targets: Features, notes: Notes, ids: Sequence[PatchId]) -> Climbs:
    """Return climbs towards targets (N, frames, bins) of one note (N, 3) from the nearest of patches.

    Args:
        task: renders the patches.
        targets: float32.
        notes: float64, of which the first is played for all patches.
        ids: of the patches.

    Returns:
        One climb a target, at the patch that is nearest by pooled features.
    """
    bank = task.make_patches(ids, notes=np.repeat(notes[:1], len(ids), axis=0))
    found = bank.rendered.features[0]
    aims, seen = pooled(targets), pooled(found)
    far = np.stack([distance(seen, aim[None]) for aim in aims])
    nearest = far.argmin(axis=1)
    sound = found[nearest]
    return Climbs(aims, notes, bank.unit[nearest], seen[nearest], distances(sound, targets)[:, 0])
