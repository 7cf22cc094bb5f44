"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

import numpy as np
import scipy.fft

from synthgym.features.base import DerivedFeature, Features
from synthgym.features.logmel import N_MELS, RANGE_DB, LogMel

N_MFCC = 20


class MFCC(DerivedFeature):
    """The first coefficients of the orthonormal DCT-II of the log-mel spectrogram (see LogMel).

    Silence is 0 in each. Within 1e-2 of ``librosa.feature.mfcc(S=logmel, n_mfcc=count)``, where the
    coefficients reach 640; the tests assert it.

    Args:
        logmel: the spectrogram.
        count: of coefficients, 1 to 64; ``mfcc-13`` names 13 of them.
    """

    def __init__(self, logmel: LogMel, count: int = N_MFCC) -> None:
        self.source = logmel
        self.shape = (logmel.shape[0], count)
        self.bins, self.unit = "coefficient", "MFCC"
        self.ticks = [(i, str(i)) for i in range(0, count, 4)]
        basis = scipy.fft.dct(np.eye(N_MELS), norm="ortho")[:, :count]
        # No log-mel frame in 0..80 can leave these bounds.
        self.low = (RANGE_DB * np.minimum(basis, 0).sum(0)).astype(np.float32)
        self.high = (RANGE_DB * np.maximum(basis, 0).sum(0)).astype(np.float32)

    def derive(self, features: Features) -> Features:
        """Return MFCC features (B, frames, count) of log-mel ones (B, frames, 64)."""
        return np.ascontiguousarray(scipy.fft.dct(features, norm="ortho")[..., : self.shape[1]])
