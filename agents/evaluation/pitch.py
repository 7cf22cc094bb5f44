"""The pitch of a sound, by librosa.pyin (Mauch and Dixon, "pYIN", 2014)."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import librosa
import numpy as np
import soxr
from filelock import FileLock
from numpy.typing import NDArray

from synthgym.synths import Audio

PITCH_RATE = 22050
SILENCE_DB = -80.0
"""What peaks lower has no pitch."""
_FRAME, _HOP = 2048, 1024
_LOWEST, _HIGHEST = 30.0, 5000.0  # Hz
_RESOLUTION = 0.5  # semitones


def pitch_of(sound: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Return the pitch in MIDI note numbers of each frame of 1,024 samples at 22,050 Hz; NaN for none."""
    low = soxr.resample(sound, sample_rate, PITCH_RATE)
    if np.abs(low).max(initial=0) < 10 ** (SILENCE_DB / 20):
        return np.full(1 + len(low) // _HOP, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frequencies, *_ = librosa.pyin(
            low,
            fmin=_LOWEST,
            fmax=_HIGHEST,
            sr=PITCH_RATE,
            frame_length=_FRAME,
            hop_length=_HOP,
            resolution=_RESOLUTION,
        )
    notes: NDArray[np.float64] = librosa.hz_to_midi(frequencies)
    return notes


def compile_pitch() -> None:
    """Let Numba compile what ``pitch_of`` needs and keep it on disk, before several processes would at once.

    Numba mixes up what they write, and whoever loads it crashes (numba issue 10128), from then on always.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    with FileLock(Path(tempfile.gettempdir()) / f"synthgym-numba-{user}.lock"):
        tone = np.sin(np.arange(PITCH_RATE // 4) * (2 * np.pi * 220 / PITCH_RATE))
        pitch_of(tone.astype(np.float32), PITCH_RATE)


def note_of(sound: Audio, sample_rate: int) -> int | None:
    """Return the MIDI note of mono audio (samples,), the median of frames by loudness, or None."""
    compile_pitch()
    low = soxr.resample(sound, sample_rate, PITCH_RATE)
    notes = pitch_of(low, PITCH_RATE)
    loudness = librosa.feature.rms(y=low, frame_length=_FRAME, hop_length=_HOP)[0][: len(notes)]
    voiced = np.isfinite(notes)
    if not voiced.any():
        return None
    order = np.argsort(notes[voiced])
    so_far = np.cumsum(loudness[voiced][order])
    median = notes[voiced][order][np.searchsorted(so_far, so_far[-1] / 2)]
    return int(np.clip(np.rint(median), 0, 127))
