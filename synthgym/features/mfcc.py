"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from synthgym.features.base import Feature, Features
from synthgym.features.logmel import N_MELS, RANGE_DB, LogMel

N_MFCC = 20


class MFCC(Feature):
    """20 coefficients of the orthonormal DCT-II of the log-mel spectrogram (see LogMel).

    Silence is 0 in each. Within 1e-2 of ``librosa.feature.mfcc(S=logmel, n_mfcc=20)``, where the
    coefficients reach 640; the tests assert it.
    """

    def __init__(self, sample_rate: int, samples: int) -> None:
        self._logmel = LogMel(sample_rate, samples)
        self.shape = (self._logmel.shape[0], N_MFCC)
        self.bins, self.unit = "coefficient", "MFCC"
        self.ticks = [(i, str(i)) for i in range(0, N_MFCC, 4)]
        basis = scipy.fft.dct(np.eye(N_MELS), norm="ortho")[:, :N_MFCC]
        # No log-mel frame in 0..80 can leave these bounds.
        self.low = (RANGE_DB * np.minimum(basis, 0).sum(0)).astype(np.float32)
        self.high = (RANGE_DB * np.maximum(basis, 0).sum(0)).astype(np.float32)

    def __call__(self, audio: NDArray[np.float32]) -> Features:
        """Return MFCC features (B, frames, 20) of audio (B, samples)."""
        return np.ascontiguousarray(scipy.fft.dct(self._logmel(audio), norm="ortho")[..., :N_MFCC])
