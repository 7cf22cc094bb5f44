"""Which sounds are audible."""

from __future__ import annotations

from synthgym.synths.base import Audio

AUDIBLE_PEAK = 10 ** (-44 / 20)
"""A patch is audible if its render peaks at -44 dBFS or above."""


def audible(sound: Audio) -> bool:
    """Return whether a sound (samples,) is audible."""
    return bool(max(sound.max(), -sound.min()) >= AUDIBLE_PEAK)
