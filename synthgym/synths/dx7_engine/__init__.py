"""The DX7's voice, many at once, compiled by Numba: the same bytes as Dexed's own engine (dexed-py).

Everything is in the instrument's integers, as in Dexed's "Mark I" engine. Once in 64 samples the envelopes,
the LFO and the pitch move (``control``); between, an operator looks up a table of logarithms and one of
powers (``sine``), and the sum of the carriers goes through the high-pass. Only feedback must go sample by
sample: voices whose operator feeds itself are worked out side by side, a voice in each lane of the
processor's registers (``feedback``). All else goes along a voice's time, as much of it at once as a register
holds (``operators``). The bytes are the same in any batch and on any processor.

The rules by which envelopes, LFO, pitch and levels move, and their arithmetic, are those of msfa, the engine
of Google's music-synthesizer-for-android (Copyright 2012 Google Inc., Apache License 2.0), with Dexed's
changes (Copyright Pascal Gauthier, GPL-3.0); so are the tables of an operator. How many voices and
many samples are computed at once is this package's own. The tests hold it to dexed-py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym import lanes
from synthgym.compiling import keep
from synthgym.synths.dx7_engine.clock import clock
from synthgym.synths.dx7_engine.render import render as _render
from synthgym.synths.dx7_engine.room import LANES, room
from synthgym.synths.dx7_engine.tables import BLOCK

_HERE = Path(__file__).parent
keep(_render, [*_HERE.glob("*.py"), _HERE.parent / "dx7_algorithms.py", Path(lanes.__file__)])


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
        notes: (B, 3): MIDI note, velocity, seconds held; a key is let go at the next multiple of 64 samples.
        sample_rate: Hz.
        samples: length of the audio.
        high_pass: its corner in radians a second; 0 for none.

    Returns:
        Float32 (B, samples).
    """
    audio = np.empty((len(voices), samples), np.float32)
    voices = voices.astype(np.int64, order="C")  # the order for which the engine is compiled
    keys, held, pole = pressed(notes, sample_rate, high_pass)
    at_rate = clock(sample_rate)
    for first in range(0, len(voices), LANES):
        rows = slice(first, first + LANES)
        _render(
            voices[rows],
            keys[rows],
            at_rate,
            held[rows],
            pole,
            room(len(audio[rows])),
            audio[rows],
        )
    return audio


def pressed(
    notes: NDArray[np.float64], sample_rate: int, high_pass: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Return note and velocity (B, 2), the blocks for which keys are held (B,), and the high-pass's pole.

    Args:
        notes: as ``render`` takes them.
        sample_rate: Hz.
        high_pass: its corner in radians a second; 0 for none.

    Returns:
        Int64 (B, 2), int64 (B,), and the pole, less than 0, or 0 for none.
    """
    keys = notes[:, :2].astype(np.int64, order="C")
    held = (notes[:, 2].astype(np.float32).astype(np.float64) * sample_rate + 0.5).astype(np.int64)
    return keys, -(-held // BLOCK), high_pass / sample_rate - 1 if high_pass else 0.0
