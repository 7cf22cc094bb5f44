"""The examples of a data set, in memory and in mini-batches."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.datasets import DataSet
from synthgym.datasets.splits import SIDES, Split
from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.patches import Patches
from synthgym.task import SoundMatchingTask

Batch = tuple[Features, Unit, Notes]
"""Of examples: features (B, frames, bins), unit vectors (B, n), and the notes that are played (B, 3)."""
_BLOCK = 4096
"""Examples read at once, at most."""
_GAP = 64
"""Examples, at most, that are read unasked so that their neighbours are read at once."""


class MiniBatches(Protocol):
    """What a network learns from."""

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """Return a mini-batch by number; which examples it has is a function of the three.

        Args:
            number: from 0, among those of its size.
            size: how many examples.
            seed: of the run.

        Returns:
            Features (size, frames, bins), unit vectors (size, n) and notes (size, 3).
        """


@lru_cache(2)  # a rollout goes through its targets and its rehearsals side by side
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def check_examples(dataset: DataSet, task: SoundMatchingTask) -> None:
    """Raise SynthgymError unless a data set has examples to train on and others to validate on, of the
    notes that a task plays.

    It reads the small array of the split only, not the features.

    Args:
        dataset: to train on.
        task: that is to be learned.
    """
    if differs := task.note.lacks(dataset.note) or dataset.note.lacks(task.note):
        raise SynthgymError(
            f"{dataset.path} is of {dataset.note}, and the environment plays another range: {differs}; "
            "give --env-kwargs note=[LOW,HIGH], velocity and hold as of the data set, or another --dataset"
        )
    sides = dataset.split[:]
    for split, side in SIDES.items():
        if not np.any(sides == side):
            raise SynthgymError(
                f"{dataset.path} has no {split} examples yet; make more with synthgym dataset, "
                "or give another --dataset"
            )


class Examples:
    """Examples in memory.

    Args:
        features: (N, frames, bins).
        units: unit vectors (N, n).
        notes: that are played, (N, 3).
    """

    def __init__(self, features: Features, units: Unit, notes: Notes) -> None:
        self.features, self.units, self.notes = features, units, notes

    @classmethod
    def of_dataset(cls, dataset: DataSet, feature: str, split: Split, most: int | None = None) -> Self:
        """Read the examples on one side of a data set's split.

        Args:
            dataset: from which they are read.
            feature: name of the feature.
            split: ``train`` or ``validation``.
            most: how many are read at most.

        Returns:
            The examples, in the order of the data set; evenly spaced in it where there are more.
        """
        items = dataset.items(split)
        places = np.arange(len(items))
        if most is not None and most < len(items):
            # Those of a grid that lie together sound alike.
            places = np.arange(most) * len(items) // most
        numbers = items[places.tolist()]
        read = read_examples(dataset, feature, numbers)
        return cls(read.features, read.units, read.notes)

    @classmethod
    def of_patches(cls, patches: Patches) -> Self:
        """Return patches that were rendered as examples."""
        return cls(patches.rendered.features[0], patches.unit, patches.notes)

    def __len__(self) -> int:
        return len(self.units)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """Return a mini-batch by number: every epoch has an order of its own, a function of the seed.

        Args:
            number: from 0; an epoch has as many mini-batches as there are whole ones.
            size: how many examples; all of them if there are fewer.
            seed: of the run.

        Returns:
            Features (size, frames, bins), unit vectors (size, n) and notes (size, 3).
        """
        epoch, start, stop = place_of(number, size, len(self))
        return self[_order(seed, epoch, len(self))[start:stop]]

    def __getitem__(self, rows: np.ndarray | slice) -> Batch:
        return self.features[rows].astype(np.float32), self.units[rows], self.notes[rows]


def place_of(number: int, size: int, count: int) -> tuple[int, int, int]:
    """Return the epoch of a mini-batch, and from where to where it reaches in the order of that epoch.

    Args:
        number: of the mini-batch, from 0; an epoch has as many as there are whole ones.
        size: how many examples it has; all of them if there are fewer.
        count: of the examples.

    Returns:
        Epoch, start and stop.
    """
    size = min(size, count)
    epoch, place = divmod(number, count // size)
    return epoch, place * size, (place + 1) * size


def read_examples(
    dataset: DataSet, feature: str, numbers: NDArray[np.int64], order: NDArray[np.int64] | None = None
) -> Examples:
    """Read examples; what lies together is read together.

    Args:
        dataset: from which they are read.
        feature: name of the feature.
        numbers: of the examples, (N,), ascending.
        order: in which they are returned, (N,) (default: as they are read).

    Returns:
        The examples, the features in the dtype of the data set.
    """
    stored = dataset.features[feature]
    features = np.empty((len(numbers), *stored.shape[1:]), stored.dtype)
    units = np.empty((len(numbers), *dataset.parameters.shape[1:]), np.float32)
    notes = np.empty((len(numbers), 3))
    where = np.arange(len(numbers))
    if order is not None:
        where[order] = np.arange(len(numbers))
    cuts = np.flatnonzero((np.diff(numbers) > _GAP) | np.diff(numbers // _BLOCK).astype(bool)) + 1
    for run in np.split(np.arange(len(numbers)), cuts):
        if not len(run):
            continue
        first, stop = int(numbers[run[0]]), int(numbers[run[-1]]) + 1
        rows, to = numbers[run] - first, where[run]
        part = slice(first, stop)
        features[to] = stored[part][rows]
        units[to] = dataset.parameters[part][rows]
        played = None if dataset.notes is None else dataset.notes[part][rows]
        notes[to] = dataset.note.rows(len(run), played)
    return Examples(features, units, notes)
