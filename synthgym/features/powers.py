"""What can be added of sounds: the powers of the bands of ``multiresolution`` in some stretches of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features.base import Features
from synthgym.features.logmel import N_MELS
from synthgym.features.loudness import EXPONENT, FLOOR, LEAST
from synthgym.features.multiresolution import MultiResolution
from synthgym.lanes import WIDTH

SHORT = N_MELS * WIDTH
"""Values of the short windows; they come first."""


def powers(feature: MultiResolution, audio: NDArray[np.float32]) -> Features:
    """Return the powers of sounds, which can be added, if the sounds have nothing to do with each other.

    Args:
        feature: of the sounds.
        audio: float32 (B, samples).

    Returns:
        Float32 (B, values), a full-scale sine's 1: of each band 16 stretches of time of equal length, as
        ``synthgym.features.sums`` takes them.
    """
    found = np.empty((len(audio), SHORT + WIDTH * feature.long.shape[0]), np.float32)
    mel = np.zeros((N_MELS, 2 * feature.shape[0]), np.float32)  # a frame's second window may be missing
    for row, clip in zip(found, audio, strict=True):
        short = feature.short(clip[None])[0]
        mel[:, : short.shape[1]] = short
        row[:SHORT] = _stretches(mel).ravel()
        row[SHORT:] = _stretches(feature.long(feature.lowered(clip)[None])[0]).ravel()
    return found


def aim(features: Features) -> Features:
    """Return what sounds are compared with, (values,), of the features (frames, bins) of a target."""
    mel = features[:, : 2 * N_MELS].reshape(-1, N_MELS)
    both = _stretches(mel.T), _stretches(features[:, 2 * N_MELS :].T)
    return np.concatenate([bands.ravel() for bands in both])


def loudness_of(power: Features) -> Features:
    """Return the loudness of powers, float32, of any shape: to the power of .13, less a floor, 0 to 1."""
    loudness: Features = np.clip(np.maximum(power, LEAST) ** np.float32(EXPONENT) - FLOOR, 0, 1)
    return loudness


def powers_of(loudness: Features) -> Features:
    """Return the powers that have a loudness, float32, of any shape; 0 of what is not heard."""
    return np.where(loudness > 0, (loudness + FLOOR) ** np.float32(1 / EXPONENT), np.float32(0))


def _stretches(bands: Features) -> Features:
    """Return the means (bands, 16) of frames (bands, frames) in stretches of equal length."""
    frames = bands.shape[1]
    starts = np.arange(WIDTH) * frames // WIDTH
    lengths = np.maximum(np.diff([*starts, frames]), 1).astype(np.float32)
    means = np.add.reduceat(bands, starts, axis=1) / lengths
    return means.astype(np.float32, copy=False)
