"""The least a feature could cost, and the least a batch of renders could."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from synthgym.features.bands import full_scale_power
from synthgym.features.logmel import HOP, N_FFT, mel_matrix
from synthgym.features.logmel import full_scale_power as full_scale_mel
from synthgym.features.loudness import EXPONENT, FLOOR_DB, NEIGHBOURHOOD, WEIGHT
from synthgym.features.multiresolution import LONG_HOP, LONG_WINDOW, log_filters
from synthgym.parameters import Native
from synthgym.synths import Synth

Reference = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def reference_feature(sample_rate: int) -> Reference:
    """Return the feature ``multiresolution`` by plain calls of scipy: (samples,) to (frames, bins).

    One rfft for each of the two windows, dense products with their filters, and the long window's on a signal
    whose sample rate ``resample_poly`` has lowered; at 44.1 and 48 kHz.
    """
    lower, points = 16, 2 * round(LONG_WINDOW * sample_rate / 32)
    bank = log_filters(sample_rate / lower, points)
    long = np.ascontiguousarray(bank.T / np.float32(full_scale_power(bank, points)))
    short = np.ascontiguousarray(mel_matrix(sample_rate).T / np.float32(full_scale_mel(sample_rate)))

    def feature(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        mel = _powers(audio, N_FFT, HOP, short)
        low = scipy.signal.resample_poly(audio, 1, lower)
        partials = _powers(low, points, LONG_HOP // lower, long)[: 1 + len(audio) // LONG_HOP]
        mel = np.pad(mel, ((0, 2 * len(partials) - len(mel)), (0, 0)))
        partials -= scipy.ndimage.uniform_filter1d(partials, NEIGHBOURHOOD, axis=1, mode="nearest")
        partials = np.float32(WEIGHT) * np.maximum(partials, np.float32(0))
        return np.concatenate([mel.reshape(len(partials), -1), partials], axis=1, dtype=np.float32)

    return feature


def _powers(
    audio: NDArray[np.float32], points: int, hop: int, filters: NDArray[np.float32]
) -> NDArray[np.float32]:
    window = scipy.signal.get_window("hann", points).astype(np.float32)
    frames = sliding_window_view(np.pad(audio, points // 2), points)[::hop]
    spectrum = scipy.fft.rfft(frames * window, axis=1)
    power: NDArray[np.float32] = (spectrum.real**2 + spectrum.imag**2) @ filters
    floor = np.float32(10 ** (-FLOOR_DB / 10 * EXPONENT))
    loudness: NDArray[np.float32] = np.maximum(power**EXPONENT - floor, np.float32(0))
    return loudness


class RawBatch:
    """Renders of a batch and their reference features, in plain threads with an engine each.

    Args:
        synth: is copied for every thread.
        threads: how many, the caller's among them.
        row: any native row; rendering it makes the engines here, in the main thread, as JUCE wants.
    """

    def __init__(self, synth: Synth, threads: int, row: Native) -> None:
        self._feature = reference_feature(synth.sample_rate)
        self._synths = [copy.deepcopy(synth) for _ in range(threads)]
        for each in self._synths:
            each.render(row[None])
        self._pool = ThreadPoolExecutor(max(1, threads - 1))

    def __call__(self, rows: Native, unheard: Native | None = None) -> None:
        """Render native rows, an equal part in each thread; those of ``unheard`` without a feature."""
        without = rows[:0] if unheard is None else unheard
        parts = list(zip(self._synths, self._parts(rows), self._parts(without), strict=True))
        waiting = [self._pool.submit(self._work, *part) for part in parts[1:]]
        self._work(*parts[0])
        for part in waiting:
            part.result()

    def _parts(self, rows: Native) -> list[Native]:
        size = -(-len(rows) // len(self._synths))
        return [rows[i * size : (i + 1) * size] for i in range(len(self._synths))]

    def _work(self, synth: Synth, rows: Native, unheard: Native) -> None:
        for row in rows:
            self._feature(synth.render(row[None])[0])
        for row in unheard:
            synth.render(row[None])

    def close(self) -> None:
        """Let the threads and the engines go."""
        self._pool.shutdown()
        for synth in self._synths:
            synth.close()
