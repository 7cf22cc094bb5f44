"""Which patches a data set holds: random ones, a grid, or presets and variations of them.

Item i of a source is a function of the source and i alone, and so is the side of the train/validation
split that it is on.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, whole
from synthgym.datasets.manifest import MOST_ITEMS
from synthgym.datasets.splits import TRAIN_SPLIT, VALIDATION, VALIDATION_SPLIT, split_of
from synthgym.errors import SynthgymError
from synthgym.notes import Notes
from synthgym.parameters import ParameterSpace, Unit
from synthgym.patches import PatchJob, PatchStream, notes_of
from synthgym.priors import Presets as PresetPatches
from synthgym.priors import Prior, Uniform
from synthgym.task import SoundMatchingTask


class Points(NamedTuple):
    """Unit vectors (B, n) to be rendered as they are, at notes (B, 3) or (B, k, 3)."""

    unit: Unit
    notes: Notes


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
    ) -> PatchJob | Points:
        """Return what a worker needs to make items: a job, or the unit vectors themselves.

        Args:
            task: whose space the items are in.
            start: number of the first.
            stop: number after the last.
            forbidden: native rows, as bytes, that random items must not be.

        Returns:
            The job of ``stop - start`` patches; or float32 unit vectors in [0, 1] and their notes.
        """

    def go_on_from(self, described: Any) -> None:  # noqa: B027, most have one version
        """Take over the rules of an older version, which described a set that is gone on with."""

    @abstractmethod
    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the sides of the split that items are on.

        Args:
            start: number of the first.
            stop: number after the last.

        Returns:
            Uint8 (stop - start,), ``TRAIN_SPLIT`` or ``VALIDATION_SPLIT`` of each item.
        """


class Random(Source):
    """Random audible patches of a prior.

    Args:
        prior: of the task, see ``synthgym.priors``; not a folder's, whose items are ``Presets``.
        size: number of items.
        seed: any whole number from 0.
    """

    def __init__(self, prior: Prior, size: int, seed: int = 0) -> None:
        self.size = whole("size", size, 1, MOST_ITEMS)
        self.seed = whole("seed", seed, 0, 2**63)
        self._prior, self._described = prior, prior.describe()

    def describe(self) -> dict[str, Any]:
        """Return what decides the items."""
        return {"kind": "random", "seed": self.seed, **self._described}

    def go_on_from(self, described: Any) -> None:
        """Sets of the first version had uniformly random patches, and did not say so."""
        if "patches" not in described and isinstance(self._prior, Uniform):
            self._described = {}

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> PatchJob:
        """Return the job of items."""
        ids = PatchStream("dataset", self.seed).ids(range(start, stop))
        return self._prior.job(ids, forbidden=forbidden)

    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return a tenth of the items for validation, each by its number."""
        return split_of(self.seed, start, stop)


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

    def job(self, task: SoundMatchingTask, start: int, stop: int, forbidden: frozenset[bytes]) -> Points:
        """Return the unit vectors of items, each at a note of its own where they vary."""
        places = np.unravel_index(np.arange(start, stop), self._counts)
        steps = np.array(self._counts) - 1
        unit = task.space.quantise((np.stack(places, axis=1) / steps).astype(np.float32))
        ids = PatchStream("dataset", 0).ids(range(start, stop))
        return Points(unit, notes_of(ids, task.note, task.notes_per_target))

    def split(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return a tenth of the items for validation, each by its number."""
        return split_of(0, start, stop) if self._validates else np.full(stop - start, TRAIN_SPLIT, np.uint8)


class Presets(Source):
    """Presets from files, and variations of them, split by preset.

    Item i is preset i mod P of P; the first P items are the presets themselves. Inaudible presets and
    repeated ones are passed over.

    Args:
        presets: of a folder.
        jitter: how far variations are from their preset, see ``ParameterSpace.jitter``.
        size: number of items (default: one for each preset).
        seed: of the variations.

    Raises:
        SynthgymError: more items than presets without jitter.
    """

    def __init__(
        self,
        presets: PresetPatches,
        *,
        jitter: float = 0.0,
        size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.jitter = number("jitter", jitter, 0, 1)
        self.seed = whole("seed", seed, 0, 2**63)
        self._unit = presets.unit
        count = len(self._unit)
        self.size = count if size is None else whole("size", size, 1, MOST_ITEMS)
        if self.size > count and not self.jitter:
            raise SynthgymError(
                f"{presets.folder} has {count} presets; for {self.size} items give a jitter above 0"
            )
        self._sides = np.where(presets.held_out, VALIDATION_SPLIT, TRAIN_SPLIT).astype(np.uint8)

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
        """Return the side of each item's preset: a tenth of them are for validation."""
        sides: NDArray[np.uint8] = self._sides[np.arange(start, stop) % len(self._sides)]
        return sides
