"""Short and long windows side by side, compressed as loudness is: pitch, time and timbre."""

from __future__ import annotations

import librosa
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from synthgym.features.bands import BandPower, full_scale_power
from synthgym.features.base import Feature, Features
from synthgym.features.decimation import Decimator
from synthgym.features.logmel import HOP, N_FFT, N_MELS, mel_matrix
from synthgym.features.logmel import full_scale_power as full_scale_mel
from synthgym.features.loudness import EXPONENT, FLOOR, WEIGHT, loudness

LOWEST_NOTE, HIGHEST_NOTE = 20, 83
"""Of the long window, 26 to 988 Hz: further up the mel bands tell a semitone."""
PER_SEMITONE = 3
LONG_WINDOW = 8192 / 44100
"""Seconds."""
LONG_HOP = 2 * HOP

_LEAST_RATE = 2600.0
"""Hz: 2.6 times the highest frequency of the long window."""
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
_HIGHEST_SHOWN = 20000.0


def note_hz(notes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frequencies in Hz of MIDI notes, in equal temperament."""
    hz: NDArray[np.float64] = 440 * 2 ** ((notes - 69) / 12)
    return hz


def log_filters(sample_rate: float, n_fft: int) -> NDArray[np.float32]:
    """Return triangular filters (190, n_fft / 2 + 1), three a semitone from MIDI note 20 to 83.

    Each reaches to its neighbours' centres, or to the next FFT bins where those are farther away.

    Args:
        sample_rate: in Hz.
        n_fft: the length of the FFT in samples, even.

    Returns:
        Float32 weights in [0, 1].
    """
    count = (HIGHEST_NOTE - LOWEST_NOTE) * PER_SEMITONE + 1
    centres = note_hz(LOWEST_NOTE + np.arange(count) / PER_SEMITONE)[:, None]
    width = np.maximum(centres * (2 ** (1 / (12 * PER_SEMITONE)) - 1), sample_rate / n_fft)
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    return np.maximum(1 - np.abs(bins - centres) / width, 0).astype(np.float32)


class MultiResolution(Feature):
    """Two power spectrograms, one of short and one of long windows, to the power of .13.

    A frame lasts 2,048 samples and has 318 bins: the 64 mel bands of ``logmel`` at its beginning, the
    same 1,024 samples later, and 190 bins of a long window, three a semitone from 26 to 988 Hz. At low
    notes a mel band is wider than the gaps between partials, and it is the long window (8,192 samples at
    44.1 kHz, Hann, as many seconds at any rate) that hears the pitch; the short one hears time and timbre.

    Powers are those of a full-scale sine, 1, to the power of .13 (a power law as of loudness, for which
    Stevens, "On the psychophysical law", 1957, has .3), less a floor 100 dB below. A long window's bins are
    what stands out of the mean of 19 of them, half an octave, times .8: partials, not the noise between them
    (as Klapuri, "Multiple fundamental frequency estimation based on harmonicity and spectral smoothness",
    2003, subtracts a local mean of a compressed spectrum). Values are 0 to 1, so that ``distance`` is the
    Ruzicka distance; the weight is in them.

    Args:
        sample_rate: Hz.
        samples: length of a clip.

    Attributes:
        short, long: the powers of the short and the long windows.
        lowered: lowers the sample rate for the long ones.
    """

    pooled_to = (11, 159)

    def __init__(self, sample_rate: int, samples: int) -> None:
        # The long window needs the lowest frequencies only: the highest power of two that leaves them.
        self._factor = 1
        while sample_rate >= 2 * self._factor * _LEAST_RATE:
            self._factor *= 2
        rate = sample_rate / self._factor
        n_fft = window = 2 * round(LONG_WINDOW * rate / 2)
        while scipy.fft.next_fast_len(n_fft, real=True) != n_fft:
            n_fft += 2
        filters = log_filters(rate, n_fft)
        mel = mel_matrix(sample_rate) / np.float32(full_scale_mel(sample_rate))
        # Up to the upper edge of the last filter, and as far as its bins hear.
        highest = float(note_hz(np.array(HIGHEST_NOTE + 1 / PER_SEMITONE))) + 2 * rate / window
        self.lowered = Decimator(sample_rate, self._factor, samples, highest)
        self.short = BandPower(samples, N_FFT, HOP, mel)
        self.long = BandPower(
            self.lowered.samples,
            window,
            LONG_HOP // self._factor,
            filters / np.float32(full_scale_power(filters, window)),
        )
        self.shape = (1 + samples // LONG_HOP, 2 * N_MELS + len(filters))
        self.bins, self.unit = "frequency", "loudness, 1: a full-scale sine"
        self.low = np.float32(0)
        self.high = np.float32(1)
        self._set_rows(sample_rate)

    @property
    def span(self) -> tuple[float, float]:
        """The scale of a picture: what is louder than 10 dB below a full-scale sine is drawn alike."""
        return 0.0, 0.7

    def _set_rows(self, sample_rate: int) -> None:
        """Prepare the rows of pictures: the bins of the long window, and so on to the highest frequency."""
        top = 69 + 12 * np.log2(min(_HIGHEST_SHOWN, sample_rate / 2) / 440)
        rows = note_hz(np.arange(LOWEST_NOTE, top, 1 / PER_SEMITONE))
        centres = librosa.mel_frequencies(N_MELS + 2, fmax=sample_rate / 2)[1:-1]
        place = np.interp(rows, centres, np.arange(N_MELS))
        self._band = np.minimum(place.astype(int), N_MELS - 2)
        self._share = (place - self._band).astype(np.float32)
        self.ticks = [
            (float(12 * PER_SEMITONE * np.log2(hz / rows[0])), f"{hz:,} Hz")
            for hz in _TICKS_HZ
            if hz < rows[-1]
        ]

    def __call__(self, audio: NDArray[np.float32]) -> Features:
        """Return features (B, frames, 318) of audio (B, samples)."""
        features = np.zeros((len(audio), *self.shape), np.float32)
        for clip, found in zip(audio, features, strict=True):
            short = self.short.padded(clip[None])[0]
            long = self.long.padded(self.lowered(clip)[None])[0]
            loudness(short, self.short.shape[1], long, np.empty_like(long), found)
        return features

    def louder(self, features: Features, decibels: float) -> Features:
        """Return what features (B, frames, 318) of sounds would be, were the sounds louder.

        What lay below the floor stays there.

        Args:
            features: of the sounds as they are.
            decibels: by how much; below 0 for softer.

        Returns:
            Float32 (B, frames, 318).
        """
        times = np.float32(10 ** (decibels / 10 * EXPONENT))
        found: Features = features * times  # right for the long windows: their floor is in the mean, too
        mel = found[..., : 2 * N_MELS]
        mel += (times - 1) * FLOOR
        np.maximum(mel, 0, out=mel)
        mel[features[..., : 2 * N_MELS] <= 0] = 0
        return found

    def picture(self, features: Features) -> Features:
        """Return the spectrogram (2 frames, rows) that a feature (frames, 318) describes.

        Its frequencies are logarithmic, three rows a semitone from 26 Hz up: the mel bands, and on top of
        them what stands out in the long window.
        """
        frames = len(features)
        mel = features[:, : 2 * N_MELS].reshape(2 * frames, N_MELS)
        rows = mel[:, self._band] * (1 - self._share) + mel[:, self._band + 1] * self._share
        long = features[:, 2 * N_MELS :].repeat(2, axis=0) / np.float32(WEIGHT)
        rows[:, : long.shape[1]] += long
        shown: Features = rows
        return shown
