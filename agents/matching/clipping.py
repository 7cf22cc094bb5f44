"""Flat tops: what is left of a wave that was cut off, at full scale or turned down since."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROW = 4
"""So many samples in a row at the top are no accident, where"""
_DROP = 20
"""the wave falls away from the top, as many samples further, by this many times what counts as flat: a round
top falls by 9 times, as the square of the distance from its middle."""
_FLAT = 1e-4
"""So near the top, as a share of it, is flat."""
_COARSEST = 50
"""Of a sound that is fewer quantisation steps high nothing can be said."""
_SLOPES = 0.01
"""A square wave is no clipped one: fewer samples than this share of its tops lie between them."""
_LOOKED_AT = 2**18
"""Samples from which the quantisation step is told."""


def clipped_samples(channel: NDArray[np.float32]) -> int:
    """Return how many samples of one channel (n,), with whatever offset, lie on tops that are cut off."""
    high, low = float(channel.max()), float(channel.min())
    height = high - low
    step = _step(channel)
    if height < _COARSEST * step:
        return 0
    near = _FLAT * height + step / 2
    middle = float(np.median(channel))
    upper, lower = channel >= high - near, channel <= low + near
    between = ~upper & ~lower
    # The silence around it says nothing.
    between &= (channel > middle + height / 100) | (channel < middle - height / 100)
    if between.sum() < _SLOPES * (upper.sum() + lower.sum()):
        return 0
    del between  # a long recording is large
    drop = _DROP * (_FLAT * height + step)
    return _cut_off(channel, upper, high - drop, 1) + _cut_off(channel, lower, -low - drop, -1)


def _step(channel: NDArray[np.float32]) -> float:
    """Return the quantisation step, the least distance between two values."""
    apart = np.diff(np.unique(channel[:_LOOKED_AT]))
    return float(apart.min(initial=np.inf)) if len(apart) else 0.0


def _cut_off(channel: NDArray[np.float32], top: NDArray[np.bool_], below: float, sign: int) -> int:
    """Return how many samples are in rows at the top from which the wave, times a sign, falls below a value.

    It does so on either side, within as many samples as are in the row.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], top, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    rows = ends - starts
    before = channel[np.maximum(starts - rows, 0)]
    after = channel[np.minimum(ends - 1 + rows, len(channel) - 1)]
    fallen = np.maximum(sign * before, sign * after) < below
    return int(rows[(rows >= _ROW) & fallen].sum())
