"""The power of a sound in bands of frequency, frame by frame."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


class BandPower:
    """The power spectra of centred frames of a clip, through a bank of filters.

    Hann window, zero padding at both ends.

    Args:
        samples: length of a clip.
        window: length of the window in samples.
        hop: from one frame to the next, in samples.
        filters: (bands, bins); an FFT has 2 (bins - 1) points, at least as many as the window has samples.

    Attributes:
        shape: (bands, frames) of a clip.
        window: (window, 1) float32.
        n_fft: points of an FFT.
        hop: from one frame to the next, in samples.
        filters: sparse (bands, bins).
    """

    def __init__(self, samples: int, window: int, hop: int, filters: NDArray[np.float32]) -> None:
        bands, bins = filters.shape
        self.shape = bands, 1 + samples // hop
        self._samples, self._window_length, self.hop = samples, window, hop
        self.n_fft = 2 * (bins - 1)
        self.window = scipy.signal.get_window("hann", window).astype(np.float32)[:, None]
        # Nearly all of the filters are zero, and no BLAS means no threads and the same bytes in any batch.
        self.filters = scipy.sparse.csr_matrix(filters)

    def __call__(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the powers (B, bands, frames) of audio (B, samples)."""
        length, frames = self._window_length, self.shape[1]
        powers = np.empty((len(audio), *self.shape), dtype=np.float32)
        padded = np.zeros(self._samples + length + self.hop, dtype=np.float32)
        # Frames in the last axis: many short transforms side by side suit the sparse product and the
        # squares better than one after the other.
        framed = sliding_window_view(padded, length)[:: self.hop][:frames].T
        windowed = np.empty(framed.shape[::-1], dtype=np.float32).T
        power, square = (np.empty((self.n_fft // 2 + 1, frames), dtype=np.float32) for _ in range(2))
        for clip, found in zip(audio, powers, strict=True):
            padded[length // 2 : length // 2 + self._samples] = clip
            np.multiply(framed, self.window, out=windowed)
            spectrum = scipy.fft.rfft(windowed, self.n_fft, axis=0, overwrite_x=True)
            np.square(spectrum.real, out=power)
            np.square(spectrum.imag, out=square)
            power += square
            found[:] = self.filters @ power
        return powers


def full_scale_power(filters: NDArray[np.float32], window: int) -> float:
    """Return the power of the loudest band that a sine of amplitude 1 makes, of an FFT as long as the window.

    Through a Hann window, a sine on an FFT bin has power (window / 4)^2 there and a quarter of it in
    both neighbours.
    """
    spread = scipy.signal.convolve(filters, [[0.25, 1.0, 0.25]], mode="same")
    return float(spread.max()) * (window / 4) ** 2
