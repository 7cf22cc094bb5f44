"""How much of a sound is in tune with a note."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft, rfftfreq

from synthgym.synths import Audio

SPAN = 0.15, 0.65
"""Seconds of the sound that are looked at, without its attack."""
CENTS, HZ = 35.0, 4.0
"""What is in tune is off by no more than the larger of the two."""
LOWEST, HIGHEST, MOST_HZ = 0.4, 20.0, 2000.0
"""From ``LOWEST`` times the pitch to the lesser of ``HIGHEST`` times the pitch and ``MOST_HZ``."""
ROOM = 2.0
"""Semitones above the pitch that must be below ``MOST_HZ``: otherwise what is sharp is not looked at."""


def share_in_tune(sound: Audio, sample_rate: int, note: float) -> float:
    """Return the share of a sound's energy that is in tune with a note, 0 to 1; more is nearer.

    Of the energy between .15 and .65 s, from .4 f0 to the lesser of 2 kHz and 20 f0, it is that within the
    larger of 35 cents and 4 Hz of a multiple of f0, by a spectrum with a Hann window. Where partials are
    dense much of any sound is in tune by chance: of white noise 44 % at note 24, 43 % at 36, 15 % at 60.

    Args:
        sound: mono audio (samples,). If it ends earlier, what there is of that time counts.
        sample_rate: Hz.
        note: MIDI note of f0, as 60 or 60.5.

    Returns:
        The share; 0 if there is no energy; NaN for notes from 94 up, which have no whole tone below 2 kHz.
    """
    pitch = 440 * 2 ** ((note - 69) / 12)
    if pitch * 2 ** (ROOM / 12) > MOST_HZ:
        return float("nan")
    start, end = (round(second * sample_rate) for second in SPAN)
    part = sound[start:end].astype(np.float64)
    if not part.any():
        return 0.0
    energy = np.abs(rfft(part * np.hanning(len(part) + 2)[1:-1])) ** 2
    hz = rfftfreq(len(part), 1 / sample_rate)
    counted = (hz >= LOWEST * pitch) & (hz <= min(MOST_HZ, HIGHEST * pitch))
    partial = pitch * np.maximum(np.rint(hz / pitch), 1)
    allowed = np.maximum(partial * (2 ** (CENTS / 1200) - 1), HZ)
    in_tune = np.abs(hz - partial) <= allowed
    whole = float(energy[counted].sum())
    return float(energy[counted & in_tune].sum()) / whole if whole > 0 else 0.0
