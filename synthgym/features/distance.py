"""How far two sounds are from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features.base import Features

_SEVERAL = 4
"""Axes of the features of sounds at several notes."""


def distance(a: Features, b: Features) -> NDArray[np.float32]:
    """Return the distance of features a and b over all but the first axis, float32 (B,) in [0, 1].

    It is 2 |a - b| / (|a| + |b| + |a - b|), with |.| the sum of absolute values: the Steinhaus
    transform of the L1 distance with silence (all zeros) as its base point (Deza and Deza,
    Encyclopedia of Distances, "biotope transform metric"). Where no value is negative it is the
    Ruzicka (weighted Jaccard) distance, 1 - sum(min(a, b)) / sum(max(a, b)). It is a metric:
    exactly 0 for equal features only, exactly 1 between silence and any sound, and 1 for
    spectrograms that share nothing. Two silences are at 0. Features that are not finite, or whose sum is
    not, are at 1 from everything. Of sounds at several notes, features (B, notes, frames,
    bins), it is the mean over the notes.

    >>> distance(np.float32([[2, 0], [0, 0]]), np.float32([[1, 1], [0, 3]])).tolist()
    [0.6666666865348816, 1.0]

    Args:
        a: (B, ...) float32; four axes are those of sounds at several notes.
        b: the same shape, or one that broadcasts with it.

    Returns:
        Float32 (B,) in [0, 1], 0 for equal features.
    """
    a, b = np.broadcast_arrays(a, b)
    if a.ndim == _SEVERAL:
        notes = a.shape[:2]
        by_note = distance(a.reshape(-1, *a.shape[2:]), b.reshape(-1, *b.shape[2:]))
        mean: NDArray[np.float32] = by_note.reshape(notes).mean(axis=1)
        return mean
    difference = _size(a - b)
    total = _size(a) + _size(b) + difference
    far: NDArray[np.float32] = np.divide(2 * difference, total, out=np.zeros_like(total), where=total > 0)
    # Rounding may carry sounds that share nothing just past 1, which is silence's and the worst there is.
    return np.where(np.isfinite(total), np.minimum(far, np.float32(1)), np.float32(1))


def _size(features: Features) -> NDArray[np.float32]:
    # One contiguous row per item: its sum does not depend on how many there are.
    size: NDArray[np.float32] = np.abs(features).reshape(len(features), -1).sum(axis=1)
    return size
