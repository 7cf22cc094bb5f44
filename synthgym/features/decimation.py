"""A lower sample rate, for what needs low frequencies only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.signal
from numba import float32
from numpy.typing import NDArray

from synthgym import lanes
from synthgym.compiling import compiled, keep, released
from synthgym.lanes import WIDTH, every, load, room, store, store_turned

STOPBAND_DB = 100.0
"""What is folded into the frequencies that are kept is so much softer: as far down as silence begins."""


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
        factor: as given.
        taps: of the filter, float32, and zeros after them; [1] where a clip stays as it is.
        half: how many of them stand before the one in the middle.
    """

    def __init__(self, sample_rate: float, factor: int, samples: int, passed: float) -> None:
        self.samples = -(-samples // factor)
        self.factor = factor
        self.taps, self.half = np.ones(1, np.float32), 0
        if factor == 1:
            return
        stopped = sample_rate / factor - passed
        count, beta = scipy.signal.kaiserord(STOPBAND_DB, (stopped - passed) / (sample_rate / 2))
        taps = scipy.signal.firwin(count | 1, (passed + stopped) / 2, window=("kaiser", beta), fs=sample_rate)
        # Tap k weighs sample factor * m + k - half of the clip.
        self.half = len(taps) // 2
        self.taps = room(-(-len(taps) // WIDTH) * WIDTH)
        self.taps[:] = 0
        self.taps[: len(taps)] = taps
        self._length = factor * -(-self.samples // WIDTH) * WIDTH + len(self.taps)

    def __call__(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a clip (samples,) at the lower rate."""
        if self.factor == 1:
            return clip
        padded = room(self._length)
        padded[: self.half] = 0
        padded[self.half : self.half + len(clip)] = clip
        padded[self.half + len(clip) :] = 0
        lowered = np.empty(-(-self.samples // WIDTH) * WIDTH, np.float32)
        _decimate(padded, self.taps, self.factor, room(2 * WIDTH * WIDTH), lowered)
        return lowered[: self.samples]


@compiled
def _sums(tile, turned):
    """Return lanes, of which each is the sum of a row of the tile."""
    store_turned(tile, 0, WIDTH, turned, 0)
    step = WIDTH * WIDTH // 2
    while step >= WIDTH:
        for at in range(0, step, WIDTH):
            store(turned, at, load(turned, at) + load(turned, at + step))
        step //= 2
    return load(turned, 0)


@released
def _decimate(padded, taps, factor, memory, lowered):
    tile, turned = memory[: WIDTH * WIDTH], memory[WIDTH * WIDTH :]
    for m in range(0, len(lowered), WIDTH):
        # Four output samples at a time, of which each is 16 sums until the end.
        for row in range(0, WIDTH, 4):
            begin = (m + row) * factor
            a, b, c, d = every(float32(0)), every(float32(0)), every(float32(0)), every(float32(0))
            for k in range(0, len(taps), WIDTH):
                weights = load(taps, k)
                at = begin + k
                a = a + weights * load(padded, at)
                b = b + weights * load(padded, at + factor)
                c = c + weights * load(padded, at + 2 * factor)
                d = d + weights * load(padded, at + 3 * factor)
            store(tile, row * WIDTH, a)
            store(tile, (row + 1) * WIDTH, b)
            store(tile, (row + 2) * WIDTH, c)
            store(tile, (row + 3) * WIDTH, d)
        store(lowered, m, _sums(tile, turned))


keep(_decimate, [Path(__file__), Path(lanes.__file__)])
