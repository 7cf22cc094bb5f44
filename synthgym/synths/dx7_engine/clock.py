"""What depends on the sample rate."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from synthgym.synths.dx7_engine import tables
from synthgym.synths.dx7_engine.tables import BLOCK, ONE, Integers


class Clock(NamedTuple):
    """What depends on the sample rate.

    Attributes:
        rate: the envelopes' steps and times, where 2^24 is those of 44.1 kHz.
        hz: the step of the LFO's phase at a hertz, where 2^32 is a cycle.
        lfo: the slowest step of the LFO's delay.
        pitch: the slowest step of the pitch envelope.
        frequencies: see ``tables.frequencies``.
    """

    rate: int
    hz: int
    lfo: int
    pitch: int
    frequencies: Integers


@lru_cache
def clock(sample_rate: int) -> Clock:
    """Return what depends on a sample rate in Hz."""
    return Clock(
        int(44100.0 / sample_rate * ONE),
        int(BLOCK * tables.LFO_HERTZ / sample_rate),
        int(BLOCK * 25190424 / sample_rate + 0.5),
        int(BLOCK * ONE / (21.3 * sample_rate) + 0.5),
        tables.frequencies(sample_rate),
    )
