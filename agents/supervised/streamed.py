"""The training examples of a data set that is larger than memory, read window by window."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.datasets import DataSet

from .examples import Batch, Examples, MiniBatches, place_of, read_examples

WINDOW_BYTES = 1 << 26
"""Features, as they are stored, that are shuffled together; up to three windows are held at a time."""
SEGMENT = 64
"""Examples that lie together in the data set and are read together: to read one by one takes far longer."""


class StreamedExamples:
    """Mini-batches of all training examples of a data set, of which a few windows are in memory.

    An epoch is a random order of segments, cut into windows whose examples are shuffled: in the order of
    an epoch, an example is a function of the seed, the epoch and the place alone.

    Args:
        dataset: from which they are read.
        feature: name of the feature.
        window: how many examples are shuffled together.
    """

    def __init__(self, dataset: DataSet, feature: str, window: int) -> None:
        self._dataset, self._feature = dataset, feature
        self._items = dataset.items("train")
        self._segments = max(1, window // SEGMENT)
        self._order = lru_cache(2)(self._order_of)
        # A rollout goes through its targets and its rehearsals side by side.
        self._window = lru_cache(2)(self._window_of)

    def __len__(self) -> int:
        return len(self._items)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """Return a mini-batch by number: every epoch has an order of its own, a function of the seed.

        Args:
            number: from 0; an epoch has as many mini-batches as there are whole ones.
            size: how many examples; all of them if there are fewer.
            seed: of the run.

        Returns:
            Features (size, frames, bins), unit vectors (size, n) and notes (size, 3).
        """
        epoch, at, stop = place_of(number, size, len(self))
        parts = []
        _, ends = self._order(seed, epoch)
        while at < stop:
            window = int(np.searchsorted(ends, at, side="right"))
            first = int(ends[window - 1]) if window else 0
            last = min(stop, int(ends[window]))
            parts.append(self._window(seed, epoch, window)[slice(at - first, last - first)])
            at = last
        if len(parts) == 1:
            return parts[0]
        features, units, notes = (np.concatenate(part) for part in zip(*parts, strict=True))
        return features, units, notes

    def _order_of(self, seed: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the order of the segments in an epoch, and how many examples there are up to the end of
        each window."""
        count = -(-len(self) // SEGMENT)
        order = np.random.default_rng([seed, epoch]).permutation(count)
        sizes = np.minimum(SEGMENT, len(self) - order * SEGMENT)
        ends = [sizes[at : at + self._segments].sum() for at in range(0, count, self._segments)]
        return order, np.cumsum(ends)

    def _window_of(self, seed: int, epoch: int, window: int) -> Examples:
        order, _ = self._order(seed, epoch)
        segments = np.sort(order[window * self._segments : (window + 1) * self._segments])
        places = (segments[:, None] * SEGMENT + np.arange(SEGMENT)).ravel()
        numbers = self._items[places[places < len(self)].tolist()]
        shuffled = np.random.default_rng([seed, epoch, window]).permutation(len(numbers))
        return read_examples(self._dataset, self._feature, numbers, shuffled)


def training_examples(dataset: DataSet, feature: str) -> MiniBatches:
    """Return the training examples of a data set: in memory if they fill one window at most, else streamed.

    Args:
        dataset: that has training examples.
        feature: name of the feature.

    Returns:
        Their mini-batches.
    """
    stored: Any = dataset.features[feature]
    window = WINDOW_BYTES // (int(np.prod(stored.shape[1:])) * stored.dtype.itemsize)
    if len(dataset) <= window:
        return Examples.of_dataset(dataset, feature, "train")
    return StreamedExamples(dataset, feature, window)
