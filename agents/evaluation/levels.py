"""How loud several recordings of one instrument are beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthgym.synths import Audio

VELOCITY = 100
"""Of a recording of which nothing else is said, and of the loudest of several of one note."""


def velocity_of(peak: float, same: Sequence[float]) -> int:
    """Return the velocity of a recording, by its level beside the others of its note: a level is the square
    of a velocity.

    Args:
        peak: of the recording.
        same: the peaks of all recordings of its note, its own among them.

    Returns:
        1 to 100, which is that of the loudest.
    """
    return max(1, round(VELOCITY * math.sqrt(peak / max(same))))


def by_loudness(clips: Sequence[Audio], peaks: Sequence[float]) -> Audio:
    """Return clips of equal peak, one a recording, as loud to each other as their recordings.

    Args:
        clips: (samples,) each, float32.
        peaks: of the recordings.

    Returns:
        Float32 (clips, samples): that of the loudest recording is as it was, and the others softer.
    """
    return np.stack([np.float32(peak / max(peaks)) * clip for clip, peak in zip(clips, peaks, strict=True)])
