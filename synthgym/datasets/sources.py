"""Which patches a data set holds: random ones, a grid, or presets and variations of them.

Item i of a source is a function of the source and i alone, and so is the side of the train/validation
split that it is on.
"""

from __future__ import annotations

import hashlib
import math
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, whole
from synthgym.datasets.manifest import MOST_ITEMS
from synthgym.datasets.splits import TRAIN_SPLIT, VALIDATION, VALIDATION_SPLIT, split_of
from synthgym.errors import PresetError, SynthgymError
from synthgym.parameters import ParameterSpace, Unit
from synthgym.patches import PatchJob, PatchStream, audible
from synthgym.task import SoundMatchingTask

_VOICES_KEY = 1 << 17  # no stream of patches has this spawn key, nor has the split
_VOICES = 256
_INAUDIBLE_JITTER = 0.1


class Source(ABC):
    """Which patches, and how many.

    Attributes:
        size: number of items.
    """

    size: int

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what decides the items, but for their number, as JSON."""

    @abstractmethod
    def job(
        self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]
    ) -> PatchJob | Unit:
        """Return what a worker needs to make items: a job, or the unit vectors themselves (B, n).

        Args:
            task: whose space the items are in.
            start: number of the first.
            stop: number after the last.
            forbidden: native rows, as bytes, that random items must not be.
        """

    def go_on_from(self, described: Any) -> None:  # noqa: B027, most have one version
        """Take over the rules of an older version, which described a set that is gone on with."""

    @abstractmethod
    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the sides of the split that items are on."""


class Random(Source):
    """Uniformly random audible patches.

    Args:
        size: number of items.
        seed: any whole number from 0.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = whole("size", size, 1, MOST_ITEMS)
        self.seed = whole("seed", seed, 0, 2**63)

    def describe(self) -> dict[str, Any]:
        """Return what decides the items."""
        return {"kind": "random", "seed": self.seed}

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> PatchJob:
        """Return the job of items."""
        ids = PatchStream("dataset", self.seed).ids(range(start, stop))
        return PatchJob(ids, forbidden=forbidden)

    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return a tenth of the items for validation, each by its number."""
        return split_of(self.seed, start, stop)


class HumanLike(Random):
    """Random patches such as people make, see ``Synth.human_like``; those that are inaudible are varied.

    Args:
        task: whose synth knows them.
        size: number of items.
        seed: any whole number from 0.

    Raises:
        SynthError: the synth knows none.
    """

    def __init__(self, task: SoundMatchingTask, size: int, seed: int = 0) -> None:
        super().__init__(size, seed)
        self._sha256 = hashlib.sha256(self._voices(task, 0).tobytes()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return what decides the items; the first tell which habits are meant."""
        return {"kind": "human-like", "seed": self.seed, "jitter": _INAUDIBLE_JITTER, "sha256": self._sha256}

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> PatchJob:
        """Return the job of items."""
        # Made in whole blocks, as one at a time would take as long as rendering it.
        first, last = start // _VOICES, (stop - 1) // _VOICES
        voices = np.concatenate([self._voices(task, block) for block in range(first, last + 1)])
        near = voices[start - first * _VOICES : stop - first * _VOICES]
        ids = PatchStream("dataset", self.seed).ids(range(start, stop))
        pure = np.ones(len(near), np.bool_)
        return PatchJob(ids, near=near, jitter=_INAUDIBLE_JITTER, pure=pure, forbidden=forbidden)

    def _voices(self, task: SoundMatchingTask, block: int) -> Unit:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_VOICES_KEY, block)))
        return task.space.quantise(task.space.to_unit(task.synth.human_like(_VOICES, rng)))


class Grid(Source):
    """Every combination of evenly spaced values, about a tenth of them for validation.

    Args:
        space: whose free parameters are turned; the last of them fastest.
        values: of each parameter, its ends included; a discrete one has no more than its own.
    """

    def __init__(self, space: ParameterSpace, values: int) -> None:
        self.values = whole("grid", values, 2, 10**6)
        self._counts = [min(values, p.steps or values) for p in space.free]
        self.size = math.prod(self._counts)
        self._validates = True
        if self.size > MOST_ITEMS:
            raise SynthgymError(
                f"a grid of {values} values of {len(space)} parameters has more than 2^40 items; "
                "take fewer values, or free fewer parameters (parameters=...)"
            )

    def describe(self) -> dict[str, Any]:
        """Return what decides the items."""
        described = {"kind": "grid", "values": self.values, "counts": self._counts}
        return described | ({"validation": VALIDATION} if self._validates else {})

    def go_on_from(self, described: Any) -> None:
        """Grids of the first version had no items for validation."""
        self._validates = "validation" in described

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> Unit:
        """Return the unit vectors of items."""
        places = np.unravel_index(np.arange(start, stop), self._counts)
        steps = np.array(self._counts) - 1
        return task.space.quantise((np.stack(places, axis=1) / steps).astype(np.float32))

    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return a tenth of the items for validation, each by its number."""
        return split_of(0, start, stop) if self._validates else np.full(stop - start, TRAIN_SPLIT, np.uint8)


class Presets(Source):
    """Presets from files, and variations of them, split by preset.

    Item i is preset i mod P of P; the first P items are the presets themselves. Inaudible presets and
    repeated ones are passed over.

    Args:
        task: whose synth reads the files.
        folder: with the files; it is searched through.
        jitter: how far variations are from their preset, see ``ParameterSpace.jitter``.
        size: number of items (default: one for each preset).
        seed: of the variations.

    Raises:
        PresetError: the folder holds no audible preset of the synth.
        SynthgymError: more items than presets without jitter.
    """

    def __init__(
        self,
        task: SoundMatchingTask,
        folder: str | os.PathLike[str],
        *,
        jitter: float = 0.0,
        size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.jitter = number("jitter", jitter, 0, 1)
        self.seed = whole("seed", seed, 0, 2**63)
        self._unit = read_presets(task, Path(folder))
        count = len(self._unit)
        self.size = count if size is None else whole("size", size, 1, MOST_ITEMS)
        if self.size > count and not self.jitter:
            raise SynthgymError(f"{folder} has {count} presets; for {self.size} items give a jitter above 0")
        self._sides = np.array([_side(unit) for unit in self._unit], np.uint8)

    def describe(self) -> dict[str, Any]:
        """Return what decides the items."""
        digest = hashlib.sha256(self._unit.tobytes()).hexdigest()
        jitter = {"jitter": self.jitter, "seed": self.seed}
        return {"kind": "presets", "presets": len(self._unit), "sha256": digest, **jitter}

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> PatchJob:
        """Return the job of items."""
        numbers = np.arange(start, stop)
        ids = PatchStream("dataset", self.seed).ids(range(start, stop))
        near = self._unit[numbers % len(self._unit)]
        pure = numbers < len(self._unit)
        return PatchJob(ids, near=near, jitter=self.jitter, pure=pure, forbidden=forbidden)

    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the side of each item's preset: about a tenth of them are for validation."""
        sides: NDArray[np.uint8] = self._sides[np.arange(start, stop) % len(self._sides)]
        return sides


def read_presets(task: SoundMatchingTask, folder: Path) -> Unit:
    """Return unit vectors (P, n) of the audible presets in a folder, each once, in the order of names.

    Files that are no presets of the synth are passed over.

    Raises:
        PresetError: no such folder, or none in it.
    """
    if not folder.is_dir():
        raise PresetError(f"no such folder: {folder}")
    synth = task.synth
    rows = [row for _, found in synth.presets_in(folder) for row in found]
    if rows:
        units = task.space.quantise(task.space.to_unit(np.stack(rows)))
        units = units[np.sort(np.unique(units, axis=0, return_index=True)[1])]
        kept = [audible(sound.audio) for sound in task.worker.sounds(units)]
        if any(kept):
            return units[kept]
    kinds = ", ".join(sorted({synth.preset_suffix, *synth.bank_suffixes, ".json"}))
    raise PresetError(f"{folder} holds no audible preset of this synth ({kinds})")


def _side(unit: NDArray[np.float32]) -> int:
    """Return the side of a preset: by its values, so that the same preset is never on both."""
    value = int.from_bytes(hashlib.sha256(unit.tobytes()).digest()[:8], "big") / 2**64
    return VALIDATION_SPLIT if value < VALIDATION else TRAIN_SPLIT
