"""A feature as a small picture."""

from __future__ import annotations

import numpy as np

from synthgym.features.base import DerivedFeature, Feature, Features


class Pooled(DerivedFeature):
    """A feature mean-pooled to at most its ``pooled_to`` frames and bins, in its own unit.

    Both axes are cut into equal blocks, the last of which may be shorter.

    Args:
        source: the feature; ``pooled-logmel`` names the pooled ``logmel``.
    """

    def __init__(self, source: Feature) -> None:
        self.source = source
        frames, bins = source.shape
        most_frames, most_bins = source.pooled_to
        self._blocks = -(-frames // most_frames), -(-bins // most_bins)
        ones = np.ones((1, frames, bins), np.float32)
        self._lengths = self._sums(ones)[0]
        self.shape = self._lengths.shape
        self.bins, self.unit, self.ticks = source.bins, source.unit, source.ticks
        low, high = (np.broadcast_to(bound, (1, *source.shape)) for bound in (source.low, source.high))
        self.low, self.high = self.derive(low)[0, 0], self.derive(high)[0, 0]

    def derive(self, features: Features) -> Features:
        """Return the means (B, pooled frames, pooled bins) of features (B, frames, bins)."""
        pooled: Features = self._sums(features) / self._lengths
        return pooled

    def picture(self, features: Features) -> Features:
        """Return the source's picture, every mean in place of what it is the mean of."""
        frames, bins = self.source.shape
        whole = features.repeat(self._blocks[0], axis=0).repeat(self._blocks[1], axis=1)
        return self.source.picture(whole[:frames, :bins])

    def _sums(self, features: Features) -> Features:
        frames, bins = self._blocks
        by_frames = features[:, ::frames].copy()
        for offset in range(1, frames):
            part = features[:, offset::frames]
            by_frames[:, : part.shape[1]] += part
        sums: Features = by_frames[:, :, ::bins].copy()
        for offset in range(1, bins):
            part = by_frames[:, :, offset::bins]
            sums[:, :, : part.shape[2]] += part
        return sums
