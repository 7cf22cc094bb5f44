"""Log-mel spectrogram in decibels above silence."""

from __future__ import annotations

from functools import lru_cache

import librosa
import numpy as np
from numpy.typing import NDArray

from synthgym.features import bands
from synthgym.features.base import Feature, Features

N_FFT = 2048
HOP = 1024
N_MELS = 64
RANGE_DB = 80.0
"""The floor lies this far below the loudest mel cell that a full-scale sine makes."""


@lru_cache
def mel_matrix(sample_rate: int) -> NDArray[np.float32]:
    """Return librosa's default mel filters (Slaney's scale and normalisation), (bins, n_fft / 2 + 1)."""
    matrix: NDArray[np.float32] = librosa.filters.mel(sr=sample_rate, n_fft=N_FFT, n_mels=N_MELS)
    return matrix


@lru_cache
def full_scale_power(sample_rate: int) -> float:
    """Return the power of the loudest mel cell that a sine of amplitude 1 makes."""
    return bands.full_scale_power(mel_matrix(sample_rate), N_FFT)


class LogMel(Feature):
    """64 mel bands in dB above a floor, 0 to 80: 0 is silence, 80 a full-scale sine.

    Hann window of 2,048 samples, hop 1,024, centred frames with zero padding. Within 1e-3 dB of
    ``librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, n_fft=2048, hop_length=1024,
    n_mels=64, pad_mode="constant"), ref=full_scale_power(sr), amin=..., top_db=None) + 80``, its
    amin at the floor; the tests assert it.

    Args:
        sample_rate: of the sounds, in Hz.
        samples: of each; features are (1 + samples // 1,024, 64).
    """

    def __init__(self, sample_rate: int, samples: int) -> None:
        self.shape = (1 + samples // HOP, N_MELS)
        self.bins, self.unit = "frequency", "dB above the floor"
        centres = librosa.mel_frequencies(N_MELS + 2, fmax=sample_rate / 2)[1:-1]
        self.ticks = [
            (float(np.interp(hz, centres, np.arange(N_MELS))), f"{hz:,} Hz")
            for hz in (100, 500, 1000, 2000, 5000, 10000)
            if hz < centres[-1]
        ]
        self.low = np.float32(0)
        self.high = np.float32(RANGE_DB)
        filters = mel_matrix(sample_rate) / np.float32(full_scale_power(sample_rate))
        self._power = bands.BandPower(samples, N_FFT, HOP, filters)

    def __call__(self, audio: NDArray[np.float32]) -> Features:
        """Return log-mel features (B, frames, 64) of audio (B, samples)."""
        mel = self._power(audio)
        np.maximum(mel, np.float32(10 ** (-RANGE_DB / 10)), out=mel)
        np.log10(mel, out=mel)
        mel *= 10
        mel += RANGE_DB
        features = np.empty((len(audio), *self.shape), dtype=np.float32)
        # The float32 logarithm of the floor need not be exactly -8, but silence must be 0.
        np.clip(mel.transpose(0, 2, 1), 0, RANGE_DB, out=features)
        return features

    def louder(self, features: Features, decibels: float) -> Features:
        """Return what features (B, frames, bins) of sounds would be, were the sounds louder.

        What lay below the floor stays there.

        Args:
            features: of the sounds as they are.
            decibels: by how much; below 0 for softer.

        Returns:
            Float32 (B, frames, 64).
        """
        heard = np.clip(features + np.float32(decibels), 0, RANGE_DB)
        return np.where(features > 0, heard, np.float32(0))
