"""The default feature, and beside it what a network that was trained on renders hears in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray

from synthgym.features.base import DerivedFeature, Features
from synthgym.features.dense import dense
from synthgym.features.logmel import N_MELS
from synthgym.features.multiresolution import MultiResolution

WEIGHTS = Path(__file__).with_name("embedding.npz")
QUIET = 0.01
"""A frame whose mean is so low is heard half."""
_RATE = 44100
"""Hz, of the sounds that the network was trained on."""


@cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with np.load(WEIGHTS) as file:
        return {name: np.ascontiguousarray(file[name], np.float32) for name in file.files}


class Embedding(DerivedFeature):
    """The bins of ``multiresolution`` and 48 learned channels, which weigh twice as much.

    A channel is how much of something a network hears in a frame, its two neighbours and the whole sound,
    times the frame's mean loudness; none is negative. The network was trained so that a patch of a synth is
    near to itself at other notes, and far from other patches (``embedding.md``). At other rates than
    44.1 kHz it hears the mel bands where those of 44.1 kHz are; its frames last 2,048 samples in any case.

    Args:
        source: the default feature.
        sample_rate: Hz.
    """

    pooled_to = (11, 183)

    def __init__(self, source: MultiResolution, sample_rate: int) -> None:
        self.source = source
        channels = len(_weights()["channels_bias"])
        frames, self._bins = source.shape
        self.shape = frames, self._bins + channels
        self.bins, self.unit, self.ticks = source.bins, source.unit, source.ticks
        self.low = np.float32(0)
        self.high = np.repeat(np.array([1, _HIGHEST], np.float32), [self._bins, channels])
        own, trained = (
            librosa.mel_frequencies(N_MELS + 2, fmax=rate / 2)[1:-1] for rate in (sample_rate, _RATE)
        )
        place = np.interp(trained, own, np.arange(N_MELS))
        self._band = np.minimum(place.astype(int), N_MELS - 2)
        self._share = (place - self._band).astype(np.float32)
        self._heard = (trained <= sample_rate / 2).astype(np.float32)
        self._same = sample_rate == _RATE

    @property
    def span(self) -> tuple[float, float]:
        """The scale of a picture, which is the source's."""
        return self.source.span

    def derive(self, features: Features) -> Features:
        """Return features (B, frames, 366) of the default ones (B, frames, 318)."""
        found = np.empty((len(features), *self.shape), np.float32)
        found[..., : self._bins] = features
        for clip, out in zip(features, found, strict=True):
            out[:, self._bins :] = self._channels(clip if self._same else self._moved(clip))
        return found

    def picture(self, features: Features) -> Features:
        """Return the source's picture."""
        return self.source.picture(features[:, : self._bins])

    def _moved(self, clip: Features) -> Features:
        """Return a clip's frames with the mel bands of 44.1 kHz."""
        mel = clip[:, : 2 * N_MELS].reshape(-1, 2, N_MELS)
        at = mel[..., self._band] * (1 - self._share) + mel[..., self._band + 1] * self._share
        moved: Features = np.concatenate(
            [(at * self._heard).reshape(len(clip), -1), clip[:, 2 * N_MELS :]], axis=1
        )
        return moved

    def _channels(self, clip: Features) -> Features:
        weights = _weights()
        loud = clip.mean(axis=1, keepdims=True)
        seen = np.maximum(_layer(clip / (loud + np.float32(QUIET)), "frame"), 0)
        mean = (loud * seen).sum(axis=0, keepdims=True) / (loud.sum() + np.float32(QUIET))
        around = np.pad(seen * (loud / (loud + np.float32(QUIET))), ((1, 1), (0, 0)))
        inner = _layer(np.concatenate([around[:-2], around[1:-1], around[2:]], axis=1), "around")
        whole = np.zeros_like(mean)
        dense(np.ascontiguousarray(mean), weights["whole_weight"], whole)
        heard: Features = np.logaddexp(_layer(np.maximum(inner + whole, 0), "channels"), np.float32(0))
        channels: Features = np.minimum(heard * loud * weights["gain"], np.float32(_HIGHEST))
        return channels


_HIGHEST = 64.0
"""Of a channel, which is cut there."""


def _layer(inputs: Features, name: str) -> Features:
    weights = _weights()
    bias = weights[f"{name}_bias"]
    outputs = np.repeat(bias[None], len(inputs), axis=0)
    dense(np.ascontiguousarray(inputs, np.float32), weights[f"{name}_weight"], outputs)
    return outputs
