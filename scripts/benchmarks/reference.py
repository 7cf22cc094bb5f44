"""The least a feature could cost, and the least a batch of renders could."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from synthgym.features.logmel import HOP, N_FFT, mel_matrix
from synthgym.parameters import Native
from synthgym.synths import Synth

Reference = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def reference_feature(sample_rate: int) -> Reference:
    """Return a plain mel spectrogram, one rfft and a dense product: (samples,) to (frames, bins)."""
    window = scipy.signal.get_window("hann", N_FFT).astype(np.float32)
    mel = np.ascontiguousarray(mel_matrix(sample_rate).T)

    def feature(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = sliding_window_view(np.pad(audio, N_FFT // 2), N_FFT)[::HOP]
        spectrum = scipy.fft.rfft(frames * window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        product: NDArray[np.float32] = power @ mel
        return product

    return feature


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
