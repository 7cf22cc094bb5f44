"""The default feature by torch, on the device where audio lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.signal
import torch
from torch.nn import functional

from synthgym.features.bands import BandPower
from synthgym.features.decimation import Decimator
from synthgym.features.loudness import EXPONENT, FLOOR_DB, NEIGHBOURHOOD, WEIGHT
from synthgym.features.multiresolution import MultiResolution


class TorchMultiResolution:
    """Computes a MultiResolution on a device: the same definition, in float32, summed in another order.

    Distances are within 1e-4 of those of the feature itself; the tests assert it.

    Args:
        feature: what is computed.
        device: where.

    Attributes:
        feature: as given.
    """

    def __init__(self, feature: MultiResolution, device: torch.device) -> None:
        self.feature = feature
        self._short, self._long = _Bands(feature.short, device), _Bands(feature.long, device)
        self._lowered = _Lowered(feature.lowered, device)

    @torch.inference_mode()
    def __call__(self, audio: torch.Tensor) -> torch.Tensor:
        """Return features (B, frames, bins) float32 of audio (B, samples) float32, on its device."""
        frames = self.feature.shape[0]
        with _full_precision():
            short = _loudness(self._short(audio))
            long = _loudness(self._long(self._lowered(audio)))[:, :frames]
        halves = functional.pad(short, (0, 0, 0, 2 * frames - short.shape[1])).reshape(len(audio), frames, -1)
        edge = NEIGHBOURHOOD // 2
        mean = functional.avg_pool1d(
            functional.pad(long, (edge, edge), mode="replicate"), NEIGHBOURHOOD, stride=1
        )
        return torch.cat([halves, (long - mean).clamp(min=0) * WEIGHT], dim=2)


class _Bands:
    """As BandPower, but frames before bands."""

    def __init__(self, bands: BandPower, device: torch.device) -> None:
        self._hop, self._frames = bands.hop, bands.shape[1]
        window = scipy.signal.get_window("hann", bands.window).astype(np.float32)
        self._window = torch.from_numpy(window).to(device)
        self._filters = torch.from_numpy(bands.filters.T.copy()).to(device)

    def __call__(self, audio: torch.Tensor) -> torch.Tensor:
        """Return the powers (B, frames, bands) of audio (B, samples)."""
        length = len(self._window)
        padded = functional.pad(audio, (length // 2, length - length // 2 + self._hop))
        framed = padded.unfold(1, length, self._hop)[:, : self._frames]
        spectrum = torch.view_as_real(torch.fft.rfft(framed * self._window, 2 * (len(self._filters) - 1)))
        return spectrum.square().sum(dim=-1) @ self._filters


class _Lowered:
    """As Decimator: phase by phase, each phase of the clip through its own taps."""

    def __init__(self, decimator: Decimator, device: torch.device) -> None:
        self._samples, self._half = decimator.samples, decimator.half
        # Tap k weighs sample factor * m + k - half: of the phase k % factor, sample m + k // factor.
        taps = np.zeros((-(-len(decimator.taps) // decimator.factor), decimator.factor), np.float32)
        taps.flat[: len(decimator.taps)] = decimator.taps
        self._taps = torch.from_numpy(taps.T.copy()).to(device)

    def __call__(self, audio: torch.Tensor) -> torch.Tensor:
        """Return audio (B, samples) at the lower rate."""
        factor, taps = self._taps.shape
        if factor == 1:
            return audio
        length = factor * (self._samples + taps - 1)
        padded = functional.pad(audio, (self._half, length - self._half - audio.shape[1]))
        phases = padded.reshape(len(audio), -1, factor).transpose(1, 2)
        return functional.conv1d(phases, self._taps[None])[:, 0]


def _loudness(power: torch.Tensor) -> torch.Tensor:
    return (power**EXPONENT - 10 ** (-FLOOR_DB / 10 * EXPONENT)).clamp(0, 1)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply float32 numbers as they are, not rounded to 10 bits (TF32), whatever is set elsewhere."""
    backends: Any = torch.backends
    operations = backends.cuda.matmul, backends.cudnn.conv
    before = [each.fp32_precision for each in operations]
    for each in operations:
        each.fp32_precision = "ieee"
    try:
        yield
    finally:
        for each, precision in zip(operations, before, strict=True):
            each.fp32_precision = precision
