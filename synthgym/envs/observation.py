"""What a policy sees of a sound: its feature, pooled to a small picture and scaled to [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features import Feature, Features

MOST_FRAMES = 22
MOST_BINS = 32


class PooledFeature:
    """A feature mean-pooled to at most 22 frames x 32 bins, scaled to [0, 1] and flat.

    Both axes are cut into equal blocks, the last of which may be shorter.

    Attributes:
        size: number of values, frame by frame.
    """

    def __init__(self, feature: Feature) -> None:
        frames, bins = feature.shape
        self._frames = _blocks(frames, MOST_FRAMES)
        self._bins = _blocks(bins, MOST_BINS)
        self._lengths = _lengths(self._frames, frames)[:, None] * _lengths(self._bins, bins)
        self.size = self._lengths.size
        self._low = self._pool(np.broadcast_to(feature.low, (1, *feature.shape)))
        self._range = self._pool(np.broadcast_to(feature.high, (1, *feature.shape))) - self._low

    def scaled(self, features: Features) -> NDArray[np.float32]:
        """Return (B, size) values in [0, 1] of features (B, frames, bins)."""
        # Rounding may carry a mean at the end of the range just past it.
        values: NDArray[np.float32] = np.clip((self._pool(features) - self._low) / self._range, 0, 1)
        return values

    def unscaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the pooled features (B, size), in the feature's own units, of values (B, size)."""
        pooled: NDArray[np.float32] = values * self._range + self._low
        return pooled

    def _pool(self, features: Features) -> NDArray[np.float32]:
        sums = np.add.reduceat(np.add.reduceat(features, self._bins, axis=2), self._frames, axis=1)
        pooled: NDArray[np.float32] = (sums / self._lengths).reshape(len(features), -1)
        return pooled


def _blocks(size: int, most: int) -> list[int]:
    return list(range(0, size, -(-size // most)))


def _lengths(starts: list[int], size: int) -> NDArray[np.float32]:
    return np.diff([*starts, size]).astype(np.float32)
