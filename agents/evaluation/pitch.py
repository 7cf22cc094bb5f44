"""The pitch of a sound, by Praat's autocorrelation (Boersma, "Accurate short-term analysis of the fundamental
frequency and the harmonics-to-noise ratio of a sampled sound", 1993), from A0 to above C8."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import parselmouth
import soxr
from numpy.typing import NDArray

from synthgym.synths import Audio

from .partials import in_one_series

PITCH_RATE = 22050
SILENCE_DB = -80.0
"""What peaks lower has no pitch."""
_HOP = 1024
_LOWEST, _HIGHEST = 24.0, 5000.0  # Hz: G0, and a little above C8
_WINDOW = 3 / _LOWEST
"""Seconds: Praat looks at three periods of the lowest pitch."""
_OCTAVE_COST = 0.02
"""By which a higher candidate is favoured at each octave; twice Praat's own for speech, as single notes of
instruments are heard an octave too low otherwise."""
_FAINT = 0.001
"""Frames that are softer than this share of the peak have no pitch."""
_PERIODIC, _VOICED, _STEADY = 0.8, 0.3, 0.6
"""A clear note has this autocorrelation in the median, and these shares of its loudness in frames that have a
pitch, and of this within a semitone of the note."""


@dataclass(frozen=True)
class HeardNote:
    """The note of a sound.

    Attributes:
        note: MIDI note number, 0 to 127.
        clear: false where the note is a guess: of a chord, a bell, a glide or a noise.
    """

    note: int
    clear: bool


def pitch_of(sound: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Return the pitch in MIDI note numbers of each frame of 1,024 samples at 22,050 Hz; NaN for none.

    Args:
        sound: mono, (samples,), full scale at 1.
        sample_rate: Hz.

    Returns:
        Pitches (frames,), the first at the beginning of the sound; 1 + samples // 1,024 of them, the samples
        being those at 22,050 Hz.
    """
    low = soxr.resample(sound, sample_rate, PITCH_RATE)
    if np.abs(low).max(initial=0) < 10 ** (SILENCE_DB / 20):
        return np.full(_frames(low), np.nan)
    return _track(low)[0]


def note_of(sound: Audio, sample_rate: int) -> int | None:
    """Return the MIDI note of mono audio (samples,) of any level, or None.

    Args:
        sound: float32 (samples,).
        sample_rate: Hz.

    Returns:
        0 to 127; None if no frame has a pitch.
    """
    heard = hear_note(sound, sample_rate)
    return None if heard is None else heard.note


def hear_note(sound: Audio, sample_rate: int) -> HeardNote | None:
    """Return the note of mono audio (samples,) of any level, the median of its frames; None without.

    Args:
        sound: float32 (samples,).
        sample_rate: Hz.

    Returns:
        The note, and whether it is clear; None if no frame has a pitch.
    """
    low = soxr.resample(sound, sample_rate, PITCH_RATE)
    peak = np.abs(low).max(initial=0)
    if peak == 0:
        return None
    low = low / peak
    pitches, periodicity = _track(low)
    voiced = np.isfinite(pitches)
    if not voiced.any():
        return None
    loudness = _loudness(low)
    heard = loudness[voiced]
    pitch = _median(pitches[voiced], heard)
    steady = np.abs(pitches[voiced] - pitch) <= 1
    clear = (
        _median(periodicity[voiced], heard) >= _PERIODIC
        and heard.sum() >= _VOICED * loudness.sum()
        and heard[steady].sum() >= _STEADY * heard.sum()
        and in_one_series(low, PITCH_RATE, pitch)
    )
    return HeardNote(int(np.clip(np.rint(pitch), 0, 127)), bool(clear))


def _frames(low: Audio) -> int:
    return 1 + len(low) // _HOP


def _track(low: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the pitch and the autocorrelation, up to 1, of each frame of a sound of 22,050 Hz."""
    frames = _frames(low)
    # Praat has no frame that reaches beyond the sound. So much silence around it makes it one at every hop,
    # and a quarter more keeps its count of them from being rounded down.
    before = math.ceil(_WINDOW / 2 * PITCH_RATE)
    padded = np.zeros(2 * before + (frames - 1) * _HOP + _HOP // 4)
    padded[before : before + len(low)] = low[: len(padded) - before]
    pitch = parselmouth.Sound(padded, PITCH_RATE).to_pitch_ac(
        time_step=_HOP / PITCH_RATE,
        pitch_floor=_LOWEST,
        pitch_ceiling=_HIGHEST,
        silence_threshold=_FAINT,
        octave_cost=_OCTAVE_COST,
    )
    found = pitch.selected_array
    with np.errstate(divide="ignore"):  # 0 Hz is Praat's for no pitch
        notes = 69 + 12 * np.log2(found["frequency"] / 440)
    return np.where(np.isfinite(notes), notes, np.nan), found["strength"]


def _loudness(low: Audio) -> NDArray[np.float64]:
    """Return the root mean square around the beginning of each hop."""
    padded = np.zeros((_frames(low) + 1) * _HOP)
    padded[_HOP // 2 : _HOP // 2 + len(low)] = low
    loudness: NDArray[np.float64] = np.sqrt(np.mean(padded.reshape(-1, _HOP)[:-1] ** 2, axis=1))
    return loudness


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    so_far = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(so_far, so_far[-1] / 2)])
