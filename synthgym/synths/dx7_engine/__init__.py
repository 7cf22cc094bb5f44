"""The DX7's voice, many at once, compiled by Numba: the same bytes as Dexed's own engine (dexed-py).

Everything is in the instrument's integers, as in Dexed's "Mark I" engine. Once in 64 samples the envelopes,
the LFO and the pitch move (``control``); between, an operator looks up a table of logarithms and one of
powers (``sine``), and the sum of the carriers goes through the high-pass. Only feedback must go sample by
sample: voices whose operator feeds itself are worked out side by side, a voice in each lane of the
processor's registers (``feedback``). All else goes along a voice's time, as much of it at once as a register
holds (``operators``). The bytes are the same in any batch and on any processor.

Written from what is known of the instrument and from measurements of dexed-py, which the tests hold it to.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.compiling import keep
from synthgym.synths.dx7_engine.clock import clock
from synthgym.synths.dx7_engine.render import render as _render
from synthgym.synths.dx7_engine.room import LANES, room
from synthgym.synths.dx7_engine.tables import BLOCK

_HERE = Path(__file__).parent
keep(_render, [*_HERE.glob("*.py"), _HERE.parent / "dx7_algorithms.py"])


def render(
    voices: NDArray[np.uint8],
    notes: NDArray[np.float64],
    *,
    sample_rate: int,
    samples: int,
    high_pass: float,
) -> NDArray[np.float32]:
    """Return audio (B, samples) at the level of the Dexed plugin: a carrier at full level peaks at 1/8.

    Args:
        voices: (B, 155), single voices as the DX7 dumps them, in their ranges.
        notes: (B, 3): MIDI note, velocity, seconds held; held notes end with a block of 64 samples.
        sample_rate: Hz.
        samples: length of the audio.
        high_pass: its corner in radians a second; 0 for none.
    """
    audio = np.empty((len(voices), samples), np.float32)
    keys = notes[:, :2].astype(np.int64)
    held = (notes[:, 2].astype(np.float32).astype(np.float64) * sample_rate + 0.5).astype(np.int64)
    at_rate = clock(sample_rate)
    pole = high_pass / sample_rate - 1 if high_pass else 0.0
    for first in range(0, len(voices), LANES):
        rows = slice(first, first + LANES)
        _render(
            voices[rows].astype(np.int64),
            keys[rows],
            at_rate,
            -(-held[rows] // BLOCK),
            pole,
            room(len(audio[rows])),
            audio[rows],
        )
    return audio
