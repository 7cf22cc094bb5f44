"""A lower sample rate, for what needs low frequencies only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.signal
from numba import float32
from numpy.typing import NDArray

from synthgym.compiling import keep, released

STOPBAND_DB = 100.0
"""What is folded into the frequencies that are kept is so much softer: as far down as silence begins."""
_TOGETHER = 5
"""Taps that are applied in one pass over the output."""


class Decimator:
    """Lowers the sample rate of clips by a whole factor, without a delay.

    A linear-phase FIR filter with a Kaiser window; each output sample is a sum in a fixed order, so its bytes
    depend on nothing else. Clips are silent before and after.

    Args:
        sample_rate: Hz, of the clips.
        factor: by which it is lowered; by 1 a clip stays as it is.
        samples: length of a clip.
        passed: Hz up to which frequencies are kept: all that do not fold onto them may be lost.

    Attributes:
        samples: length of a lowered clip.
        taps: (factor, taps of a phase) float32; no taps where a clip stays as it is.
        half: how many samples of silence stand before a clip, so that it is not delayed.
    """

    def __init__(self, sample_rate: float, factor: int, samples: int, passed: float) -> None:
        self.samples = -(-samples // factor)
        self.taps, self.half = np.zeros((factor, 0), np.float32), 0
        if factor == 1:
            return
        stopped = sample_rate / factor - passed
        count, beta = scipy.signal.kaiserord(STOPBAND_DB, (stopped - passed) / (sample_rate / 2))
        taps = scipy.signal.firwin(count | 1, (passed + stopped) / 2, window=("kaiser", beta), fs=sample_rate)
        # Tap k weighs sample factor * m + k - half: of the phase k % factor, sample m + k // factor.
        self.half = len(taps) // 2
        blocks = -(-len(taps) // (factor * _TOGETHER)) * _TOGETHER
        self.taps = np.zeros((factor, blocks), np.float32)
        self.taps.T.flat[: len(taps)] = taps
        self._length = -(-(samples + self.half) // factor) + blocks

    def __call__(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a clip (samples,) at the lower rate."""
        if len(self.taps) == 1:
            return clip
        padded = np.zeros(self._length * len(self.taps), np.float32)
        padded[self.half : self.half + len(clip)] = clip
        phases = np.empty((len(self.taps), self._length), np.float32)
        lowered = np.zeros(self.samples, np.float32)
        _decimate(padded, self.taps, phases, lowered)
        return lowered


@released
def _decimate(padded, taps, phases, lowered):
    factor, blocks = taps.shape
    for m in range(phases.shape[1]):
        for phase in range(factor):
            phases[phase, m] = padded[m * factor + phase]
    for phase in range(factor):
        for k in range(0, blocks, _TOGETHER):
            _add(taps[phase, k : k + _TOGETHER], phases[phase, k:], lowered)


@released
def _add(taps, samples, lowered):
    a, b, c, d, e = taps[0], taps[1], taps[2], taps[3], taps[4]
    for m in range(len(lowered)):
        pair = a * samples[m] + b * samples[m + 1]
        other = c * samples[m + 2] + d * samples[m + 3]
        lowered[m] = float32(lowered[m] + (pair + (other + e * samples[m + 4])))


keep(_decimate, [Path(__file__)])
