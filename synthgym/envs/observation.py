"""What a policy sees of a sound: its feature as a small picture, scaled to [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features import Feature, Features, Pooled


class ObservedFeature:
    """A feature mean-pooled to at most its ``pooled_to`` frames and bins, scaled to [0, 1] and flat.

    Args:
        feature: of every sound.
        notes: at how many a patch is rendered.

    Attributes:
        size: number of values, note by note and frame by frame.
    """

    def __init__(self, feature: Feature, notes: int = 1) -> None:
        self._pooled, self._notes = Pooled(feature), notes
        frames, bins = self._pooled.shape
        self.size = notes * frames * bins
        self._low, high = (
            np.tile(np.broadcast_to(bound, bins), notes * frames)
            for bound in (self._pooled.low, self._pooled.high)
        )
        self._range = high - self._low

    def scaled(self, features: Features) -> NDArray[np.float32]:
        """Return (B, size) values in [0, 1] of features (B, frames, bins), or (B, notes, frames, bins)."""
        each = features.reshape(-1, *features.shape[-2:])
        pooled = self._pooled.derive(each).reshape(len(features), -1)
        # Rounding may carry a mean at the end of the range just past it.
        values: NDArray[np.float32] = np.clip((pooled - self._low) / self._range, 0, 1)
        return values

    def unscaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the pooled features (B, size), in the feature's own units, of values (B, size).

        Of several notes, they are (B, notes, size of one, 1).
        """
        pooled: NDArray[np.float32] = values * self._range + self._low
        return pooled if self._notes == 1 else pooled.reshape(len(pooled), self._notes, -1, 1)
