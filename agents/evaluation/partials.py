"""Whether the partials of a sound are those of one note: a chord is periodic too, at a pitch that none of its
notes has."""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from synthgym.synths import Audio

_SECONDS = 0.37
"""Of the loudest stretch that is looked at: two partials 5 Hz apart are told apart."""
_BINS = 2**16
_AUDIBLE_DB = -26.0
"""Partials softer than this, below the strongest, are not looked at."""
_LOWEST = 18.0  # Hz
_STRETCHES = np.concatenate([[0], np.logspace(-5, -2.5, 11)])
"""Inharmonicities B of strings: partial k is at k f0 sqrt(1 + B k^2) (Fletcher, "Normal vibration frequencies
of a stiff piano string", 1964)."""
_OFF, _OFF_MOST = 0.025, 0.15
"""How far off a partial of the note may be: this share of its frequency, and of the fundamental's at most."""
_COMPRESSION = 1.5
"""Of magnitudes, between amplitude and power, so that softer notes of a chord count."""
_STRANGE = 0.15
"""A note has at most this share of its partials elsewhere, and"""
_OWN = 0.03
"""at least this share in those that no chord has: the notes of a chord are multiples, by small numbers, of
the pitch at which it is periodic. They fill neither the first nor those that 2, 3, 5 and 7 do not divide."""
_FIRST = 6
"""Its lowest partial is not above this one."""


def in_one_series(sound: Audio, sample_rate: int, note: float) -> bool:
    """Return whether the partials of mono audio (samples,) are a harmonic series on a note, a float.

    Args:
        sound: float32 (samples,).
        sample_rate: Hz.
        note: MIDI note, which may lie between two keys, as 60.3.

    Returns:
        Whether they are; False of silence.
    """
    frequencies, magnitudes = _partials(sound, sample_rate)
    if not len(frequencies):
        return False
    fundamental = 440 * 2 ** ((note - 69) / 12)
    shares = magnitudes**_COMPRESSION / (magnitudes**_COMPRESSION).sum()
    numbers = np.arange(1, int(frequencies.max() / fundamental) + 2)
    series = fundamental * numbers * np.sqrt(1 + _STRETCHES[:, None] * numbers**2)  # (stretches, partials)
    off = np.abs(frequencies - series[..., None])  # (stretches, partials, frequencies)
    nearest = off.argmin(axis=1)
    expected = np.take_along_axis(series, nearest, axis=1)
    fits = off.min(axis=1) < np.minimum(_OFF * expected, _OFF_MOST * fundamental)
    best = int(np.argmax(fits @ shares))
    number = numbers[nearest[best]]
    own = (number == 1) | (np.gcd(number, 2 * 3 * 5 * 7) == 1)
    return bool(
        shares[~fits[best]].sum() <= _STRANGE
        and shares[fits[best] & own].sum() >= _OWN
        and frequencies.min() <= (_FIRST + 0.5) * fundamental
    )


def _partials(sound: Audio, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the frequencies in Hz and magnitudes of the audible peaks of the loudest stretch."""
    size = min(len(sound), int(_SECONDS * sample_rate))
    energy = np.concatenate([[0], np.cumsum(sound.astype(np.float64) ** 2)])
    start = int(np.argmax(energy[size:] - energy[:-size]))
    window = scipy.signal.get_window("hann", size)
    spectrum = np.abs(np.fft.rfft(sound[start : start + size] * window, max(_BINS, size)))
    frequencies = np.fft.rfftfreq(max(_BINS, size), 1 / sample_rate)
    spectrum[frequencies < _LOWEST] = 0
    peaks, _ = scipy.signal.find_peaks(spectrum, height=spectrum.max() * 10 ** (_AUDIBLE_DB / 20))
    return frequencies[peaks], spectrum[peaks]
