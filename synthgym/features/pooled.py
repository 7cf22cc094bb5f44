"""A feature as a small picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features.base import DerivedFeature, Feature, Features

MOST_FRAMES = 22
MOST_BINS = 32


class Pooled(DerivedFeature):
    """A feature mean-pooled to at most 22 frames x 32 bins, in its own unit.

    Both axes are cut into equal blocks, the last of which may be shorter.

    Args:
        source: the feature; ``pooled-logmel`` names the pooled ``logmel``.
    """

    def __init__(self, source: Feature) -> None:
        self.source = source
        frames, bins = source.shape
        self._frames = _blocks(frames, MOST_FRAMES)
        self._bins = _blocks(bins, MOST_BINS)
        self._lengths = _lengths(self._frames, frames)[:, None] * _lengths(self._bins, bins)
        self.shape = (len(self._frames), len(self._bins))
        self.bins, self.unit = source.bins, source.unit
        per_block = -(-bins // MOST_BINS)
        self.ticks = [((at - (per_block - 1) / 2) / per_block, text) for at, text in source.ticks]
        low, high = (np.broadcast_to(bound, (1, *source.shape)) for bound in (source.low, source.high))
        self.low, self.high = self.derive(low)[0, 0], self.derive(high)[0, 0]

    def derive(self, features: Features) -> Features:
        """Return the means (B, pooled frames, pooled bins) of features (B, frames, bins)."""
        sums = np.add.reduceat(np.add.reduceat(features, self._bins, axis=2), self._frames, axis=1)
        pooled: Features = sums / self._lengths
        return pooled


def _blocks(size: int, most: int) -> list[int]:
    return list(range(0, size, -(-size // most)))


def _lengths(starts: list[int], size: int) -> NDArray[np.float32]:
    return np.diff([*starts, size]).astype(np.float32)
