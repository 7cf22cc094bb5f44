"""The power of a sound in bands of frequency, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.signal
from numba import float32
from numpy.typing import NDArray

from synthgym import lanes
from synthgym.compiling import compiled, keep, released
from synthgym.features import fft
from synthgym.lanes import WIDTH, every, load, room, store, store_turned


class _Plan(NamedTuple):
    """What the bands of every clip are computed with.

    Attributes:
        hop: from one frame to the next, in samples.
        before: samples of silence before a clip.
        window: a whole number of times WIDTH, half as high as it should be: power is to be a quarter.
        factors, turns, places, halves: of the transform.
        first, last: (bands,) places of the first weight of each band, and after its last, in ``weights``.
        bins: (bands,) the bin of the first weight.
        weights: of the bins, band by band.
    """

    hop: int
    before: int
    window: NDArray[np.float32]
    factors: NDArray[np.int64]
    turns: NDArray[np.float32]
    places: NDArray[np.int64]
    halves: NDArray[np.float32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    bins: NDArray[np.int64]
    weights: NDArray[np.float32]


class BandPower:
    """The power spectra of centred frames of a clip, through a bank of filters.

    Hann window, zero padding at both ends. Sixteen frames are computed side by side, each for itself.

    Args:
        samples: length of a clip.
        window: length of the window in samples.
        hop: from one frame to the next, in samples.
        filters: (bands, bins); an FFT has 2 (bins - 1) points, at least as many as the window has samples,
            without other prime factors than 2, 3 and 5.

    Attributes:
        shape: (bands, frames) of a clip.
        window, hop, filters: as given.
    """

    def __init__(self, samples: int, window: int, hop: int, filters: NDArray[np.float32]) -> None:
        bands, bins = filters.shape
        self.shape = bands, 1 + samples // hop
        self.window, self.hop, self.filters = window, hop, filters
        points = bins - 1
        shape = np.zeros(-(-window // WIDTH) * WIDTH, np.float32)
        shape[:window] = scipy.signal.get_window("hann", window) / 2
        # Nearly all of the filters are zero: of each, what lies between its first and its last weight.
        heard = filters != 0
        begin = np.where(heard.any(axis=1), heard.argmax(axis=1), 0)
        end = np.where(heard.any(axis=1), bins - heard[:, ::-1].argmax(axis=1), 0)
        last = np.cumsum(end - begin)
        numbers = max(2 * points, len(shape))
        self._memory = (WIDTH + numbers + bins) * WIDTH
        self._plan = _Plan(
            hop,
            window // 2,
            shape,
            np.array(fft.factors(points)),
            fft.rotations(points),
            fft.places(points),
            fft.halves(points),
            last - (end - begin),
            last,
            begin,
            np.concatenate([row[a:b] for row, a, b in zip(filters, begin, end, strict=True)]),
        )

    def __call__(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the powers (B, bands, frames) of audio (B, samples)."""
        return self.padded(audio)[:, :, : self.shape[1]]

    def padded(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the powers of audio (B, samples); after the last frame others, up to a multiple of WIDTH."""
        bands, frames = self.shape
        powers = np.empty((len(audio), bands, -(-frames // WIDTH) * WIDTH), np.float32)
        memory = room(self._memory)
        # Numba compiles anew for arrays of another kind.
        for clip, found in zip(np.require(audio, np.float32, ["C", "A", "W"]), powers, strict=True):
            _band_powers(clip, self._plan, memory, found)
        return powers


@compiled
def _frames(clip, first, hop, before, window, tile, numbers):
    """Write the samples (window, WIDTH) of 16 frames from ``first`` on, through the window."""
    for sample in range(0, len(window), WIDTH):
        weights = load(window, sample)
        for lane in range(WIDTH):
            begin = (first + lane) * hop + sample - before
            if begin >= 0 and begin + WIDTH <= len(clip):
                store(tile, lane * WIDTH, load(clip, begin) * weights)
            else:
                store(tile, lane * WIDTH, every(float32(0)))
                for i in range(max(0, -begin), min(WIDTH, len(clip) - begin)):
                    tile[lane * WIDTH + i] = clip[begin + i] * window[sample + i]
        store_turned(tile, 0, WIDTH, numbers, sample * WIDTH)
    for at in range(len(window) * WIDTH, len(numbers), WIDTH):
        store(numbers, at, every(float32(0)))


@compiled
def _through(spectrum, first, last, bins, weights, group, powers):
    """Write the powers (bands, ...) of 16 frames from ``group`` on: sums of weighted bins."""
    for band in range(len(bins)):
        at = bins[band] * WIDTH
        total = every(float32(0))
        for i in range(first[band], last[band]):
            total = total + load(spectrum, at) * weights[i]
            at += WIDTH
        store(powers[band], group, total)


@released
def _band_powers(clip, plan, memory, powers):
    """Write the powers (bands, frames) of a clip.

    What lies in the memory is a tile, the samples of 16 frames and their
    transform, and the powers of its bins.
    """
    points = len(plan.places)
    bins = len(memory) - (points + 1) * WIDTH
    tile, numbers, spectrum = memory[: WIDTH * WIDTH], memory[WIDTH * WIDTH : bins], memory[bins:]
    for group in range(0, powers.shape[1], WIDTH):
        _frames(clip, group, plan.hop, plan.before, plan.window, tile, numbers)
        complexes = numbers[: 2 * points * WIDTH]
        fft.transform(complexes, plan.factors, plan.turns, tile)
        fft.power(complexes, plan.places, plan.halves, spectrum)
        _through(spectrum, plan.first, plan.last, plan.bins, plan.weights, group, powers)


keep(_band_powers, [Path(path) for path in (__file__, fft.__file__, lanes.__file__)])


def full_scale_power(filters: NDArray[np.float32], window: int) -> float:
    """Return the power of the loudest band that a sine of amplitude 1 makes, of an FFT as long as the window.

    Through a Hann window, a sine on an FFT bin has power (window / 4)^2 there and a quarter of it in
    both neighbours.

    Args:
        filters: float32 (bands, bins), how much of each FFT bin's power a band takes.
        window: the length of the Hann window, in samples.

    Returns:
        The power, above 0, as |FFT|^2 has it.
    """
    spread = filters.astype(np.float64)
    spread[:, 1:] += filters[:, :-1] / 4
    spread[:, :-1] += filters[:, 1:] / 4
    return float(spread.max()) * (window / 4) ** 2
