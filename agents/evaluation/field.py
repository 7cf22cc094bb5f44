"""Measures of two sounds that the literature on sound matching reports.

They are defined as by Hayes, Saitis and Fazekas ("Audio Synthesizer Inversion in Symmetric Parameter Spaces
With Approximately Equivariant Flow Matching", ISMIR 2025). All are of two clips (samples,) of one length,
which must be said beside a value: padding is compared too, as silence, and changes it. A difference of level
alone is nothing to ``mss`` (down to peaks of -60 dBFS), ``sot`` and ``rms``.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path

import librosa
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from synthgym.synths import Audio

RESOLUTIONS = ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128))
"""Of the mel spectrograms of ``mss``: window in s, hop in s, mel bands."""
RANGE_DB = 80.0
"""Below the maximum of a clip; what is softer counts as being so soft."""
WINDOW = 0.050
"""Seconds of a frame of the other measures."""
MFCC_HOP, SOT_HOP, RMS_HOP = 0.010, 0.020, 0.025
"""Seconds between their frames."""
COEFFICIENTS, MELS = 20, 128
SILENT = 1e-6
"""The sum of a frame's magnitudes, or the norm of an envelope, below which it is silence."""


def mss(target: Audio, match: Audio, sample_rate: int) -> float:
    """Return the multi-scale spectral distance, in dB from 0 to 80, less being nearer.

    It is the mean absolute difference of mel spectrograms in dB relative to each clip's own maximum, no lower
    than 80 dB below it; then the mean over three RESOLUTIONS. Silence, whose maximum is nothing, is 0 dB
    in every band, and so as far from a sound as that sound's bands are below its maximum: 58 dB from a tone,
    but 9 dB from white noise.

    Args:
        target: float32 (samples,).
        match: float32 (samples,).
        sample_rate: Hz, of both.

    Returns:
        Decibels.
    """
    errors = []
    for window, hop, bands in RESOLUTIONS:
        a, b = (_mel(sound, sample_rate, window, hop, bands) for sound in (target, match))
        errors.append(np.abs(a - b).mean())
    return float(np.mean(errors))


def _mel(sound: Audio, sample_rate: int, window: float, hop: float, bands: int) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at low sample rates some bands lie between bins, and are empty
        power = librosa.feature.melspectrogram(
            y=sound,
            sr=sample_rate,
            n_fft=int(window * sample_rate),
            hop_length=int(hop * sample_rate),
            n_mels=bands,
        )
    decibels: NDArray[np.float32] = librosa.power_to_db(power, ref=np.max, top_db=RANGE_DB)
    return decibels


def wmfcc(target: Audio, match: Audio, sample_rate: int) -> float:
    """Return the distance of 20 MFCC under dynamic time warping, 0 or more, less being nearer.

    The distance of two frames is the mean absolute difference of their coefficients. Its sum along the
    cheapest path is divided by the length of the path. The steps are the symmetric ones of Sakoe and Chiba
    ("Dynamic Programming Algorithm Optimization for Spoken Word Recognition", 1978): a diagonal step counts
    twice, so that all paths are as long as both clips together.

    Args:
        target: float32 (samples,).
        match: float32 (samples,).
        sample_rate: Hz, of both.

    Returns:
        In the unit of the coefficients, which are a cosine transform of decibels.
    """
    return _warped(*(_mfcc(sound, sample_rate) for sound in (target, match)))


def _mfcc(sound: Audio, sample_rate: int) -> NDArray[np.float32]:
    """Return coefficients (20, frames)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: NDArray[np.float32] = librosa.feature.mfcc(
            y=sound,
            sr=sample_rate,
            n_mfcc=COEFFICIENTS,
            n_fft=int(WINDOW * sample_rate),
            hop_length=int(MFCC_HOP * sample_rate),
            n_mels=MELS,
        )
    return found


def _warped(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean distance of sequences (values, frames) along the cheapest path."""
    far = cdist(a.T, b.T, "cityblock") / len(a)
    total = librosa.sequence.dtw(C=far, weights_mul=np.array([2.0, 1.0, 1.0]), backtrack=False)
    return float(total[-1, -1] / sum(far.shape))


def sot(target: Audio, match: Audio, sample_rate: int) -> float:
    """Return the spectral optimal transport distance, 0 to 1, less being nearer.

    It is the mean over frames of the Wasserstein distance, over frequency, of magnitude spectra whose sum is
    1 (Torres, Peeters and Richard, "Unsupervised Harmonic Parameter Estimation Using Differentiable DSP and
    Spectral Optimal Transport", 2024): how far the spectrum of one must be moved to be that of the other,
    as a share of the way from 0 Hz to half the sample rate. Silence counts as a spectrum above the highest
    frequency: the way there is 1 less what the other sound's mean frequency is.

    Args:
        target: float32 (samples,).
        match: float32 (samples,).
        sample_rate: Hz, of both.

    Returns:
        A share of half the sample rate, in [0, 1].
    """
    a, b = (_shares(sound, sample_rate) for sound in (target, match))
    return float(np.abs(np.cumsum(a - b, axis=0)).mean())


def _shares(sound: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Return magnitude spectra (bins, frames) with a sum of 1, or less in frames that are SILENT."""
    size, hop = int(WINDOW * sample_rate), int(SOT_HOP * sample_rate)
    magnitudes = np.abs(librosa.stft(sound, n_fft=size, hop_length=hop)).astype(np.float64)
    shares: NDArray[np.float64] = magnitudes / np.maximum(magnitudes.sum(axis=0), SILENT)
    return shares


def rms(target: Audio, match: Audio, sample_rate: int) -> float:
    """Return the cosine similarity of two loudness envelopes, 0 to 1, more being nearer.

    Silence is like silence (1), and like no sound (0).

    Args:
        target: float32 (samples,).
        match: float32 (samples,).
        sample_rate: Hz, of both.

    Returns:
        The similarity, in [0, 1].
    """
    size, hop = int(WINDOW * sample_rate), int(RMS_HOP * sample_rate)
    a, b = (
        librosa.feature.rms(y=sound, frame_length=size, hop_length=hop)[0].astype(np.float64)
        for sound in (target, match)
    )
    norms = np.linalg.norm(a), np.linalg.norm(b)
    if min(norms) < SILENT:
        return float(max(norms) < SILENT)
    return float(np.clip(a @ b / (norms[0] * norms[1]), 0, 1))


@lru_cache(1)
def compile_field() -> None:
    """Let Numba compile what librosa needs and keep it on disk, one process after the other: Numba mixes up
    what several write at once (numba issue 10128)."""
    user = os.getuid() if hasattr(os, "getuid") else ""
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    with FileLock(Path(tempfile.gettempdir()) / f"synthgym-numba-{user}.lock"):
        for measure in (mss, wmfcc, sot, rms):
            measure(noise, noise, 8000)
