"""What happens to a sound on its way to a recording, done to its ``multiresolution`` feature."""

from __future__ import annotations

import math

import librosa
import numpy as np
import torch

from synthgym.features.logmel import N_MELS
from synthgym.features.loudness import EXPONENT, FLOOR_DB
from synthgym.features.multiresolution import LOWEST_NOTE, PER_SEMITONE, note_hz

RATE = 44100
BINS = 318
_FLOOR = 10 ** (-FLOOR_DB / 10 * EXPONENT)
_OCTAVES = 10  # from 20 Hz up
_EQ_DB, _LEVEL_DB = 8.0, 6.0
_ROOMS = _NOISES = 0.3


def _places() -> torch.Tensor:
    mel = librosa.mel_frequencies(N_MELS + 2, fmax=RATE / 2)[1:-1]
    long = note_hz(LOWEST_NOTE + np.arange(BINS - 2 * N_MELS) / PER_SEMITONE)
    return torch.tensor(np.log2(np.concatenate([mel, mel, long]) / 20) / _OCTAVES, dtype=torch.float32)


_PLACES = _places()


def augmented(features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return features (B, frames, 318) at another level, through an equaliser, in noise and in a room.

    Each sound has its own: up to 6 dB more or less; a smooth curve over frequency, some 8 dB high; and
    three in ten have noise 50 to 90 dB below full scale, three in ten a tail, 3 to 23 dB less a frame.
    """
    count = len(features)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    def power(decibels: torch.Tensor) -> torch.Tensor:
        return 10 ** (decibels / 10 * EXPONENT)

    decibels = _LEVEL_DB * (2 * uniform(count, 1) - 1)
    for wave in range(1, 5):
        height = _EQ_DB / wave * torch.randn((count, 1), generator=generator)
        decibels = decibels + height * torch.cos(math.pi * (wave * _PLACES + 2 * uniform(count, 1)))
    gain = power(decibels)[:, None]
    short = (features[..., : 2 * N_MELS] + _FLOOR) * gain[..., : 2 * N_MELS] - _FLOOR
    noise = power(-50 - 40 * uniform(count, 1, 1)) - _FLOOR
    short = torch.maximum(short, noise * (uniform(count, 1, 1) < _NOISES))
    heard = torch.cat([short, features[..., 2 * N_MELS :] * gain[..., 2 * N_MELS :]], dim=2).clamp(0, 1)
    kept = power(-3 - 20 * uniform(count, 1)) * (uniform(count, 1) < _ROOMS)
    frames = [heard[:, 0]]
    for frame in heard[:, 1:].unbind(1):
        frames.append(torch.maximum(frame, frames[-1] * kept))
    return torch.stack(frames, dim=1)
