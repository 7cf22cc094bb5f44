"""One network for all synthesisers: a token for each frame of the sound, and one for each parameter."""

from __future__ import annotations

import copy
from typing import Any, Self

import torch
from torch import nn

from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.parameters import ParameterSpace

from .described import ABOUT, BUCKETS, PLACE, Described, place
from .encoding import Encoding
from .network import Network

_MOST = 400
"""Parameters, at most: each looks at all others."""
_ROUNDS = 24
"""Many parameters are not filled in one by one, which would take a pass for each."""


class SoundTokens(nn.Module):
    """Frames in view of each other: (B, frames, bins) to (B, frames * width), of any count of frames.

    Args:
        bins: of a frame.
        width: of a token.
        layers: how many.
        heads: of attention.
    """

    def __init__(self, bins: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.frame = nn.Sequential(nn.Linear(bins, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.when = nn.Linear(PLACE, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the tokens of features in [0, 1], one after the other, (B, frames * width)."""
        when = self.when(place(torch.arange(features.shape[1]) / 64))
        tokens: torch.Tensor = self.layers(self.frame(features) + when)
        return tokens.flatten(1)


class Names(nn.Module):
    """What names mean: the sum of what their parts mean, (..., parts) to (..., width).

    Args:
        width: of a meaning.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Embedding(BUCKETS, width, padding_idx=0)
        with torch.no_grad():
            self.parts.weight *= 0.1

    def forward(self, parts: torch.Tensor) -> torch.Tensor:
        """Return the meanings of names whose parts are given, int64, by the square root of their count."""
        count = (parts > 0).sum(-1, keepdim=True).clamp(min=1)
        meaning: torch.Tensor = self.parts(parts).sum(-2) / count.sqrt()
        return meaning


class Transformer(Network):
    """A network whose weights belong to no synthesiser: a parameter is told by its kind, name, range and
    place (``Described``), a value by its place in the range and by its label.

    Parameters look at the frames of the sound and at each other (Vaswani et al., "Attention is all you need",
    2017). One token a parameter: Hayes et al., "Audio synthesizer inversion in symmetric parameter spaces",
    2025.

    Args:
        shape: of the feature, (frames, bins).
        space: the parameters that are predicted.
        width: of a token.
        layers: of the parameters' tokens.
        sound_layers: of the frames' tokens.
        heads: of attention.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        space: ParameterSpace,
        width: int = 128,
        layers: int = 3,
        sound_layers: int = 2,
        heads: int = 4,
    ) -> None:
        for name, value in (("layers", layers), ("sound_layers", sound_layers)):
            whole(name, value, 1, 100)
        encoder = SoundTokens(shape[1], width, sound_layers, heads)
        super().__init__(encoder, shape[0] * width, space, _ROUNDS)
        self._width = width
        self._described = _described(space, self.encoding)
        self._meanings: tuple[torch.Tensor, torch.Tensor] | None = None
        self.names, self.about, self.known = Names(width), nn.Linear(ABOUT, width), nn.Linear(PLACE, width)
        self.unknown = nn.Parameter(torch.zeros(width))
        layer = nn.TransformerDecoderLayer(
            width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerDecoder(layer, layers, nn.LayerNorm(width))
        self.value = nn.Sequential(nn.Linear(PLACE + ABOUT, width), nn.GELU(), nn.Linear(width, width))
        self.score = nn.Linear(width, width, bias=False)

    def beside(self, space: ParameterSpace) -> Self:
        """Return the same network, with the same weights, for the parameters of another synthesiser."""
        other = copy.copy(self)
        other.encoding = Encoding(space)
        other._described = _described(space, other.encoding)
        return other

    def forward(self, embedding: torch.Tensor, unit: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, n, bins), as every network.

        Args:
            embedding: of the sounds, (B, frames * width).
            unit: unit vectors (B, n).
            known: which of their values may be seen, (B, n) bool.

        Returns:
            Float32 (B, n, bins).
        """
        frames = embedding.reshape(len(embedding), -1, self._width)
        of, values = self._meanings or self._mean()
        has = torch.where(known[..., None], self.known(place(unit)), self.unknown)
        state = self.layers(of + has, frames)
        scores = torch.einsum("bnw,nkw->bnk", self.score(state), values) / self._width**0.5
        return self.encoding.log_probabilities(scores)

    @torch.no_grad()
    def complete(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Fill in what is not known, as every network."""
        # The meanings are of the weights alone: one of many passes finds them for all.
        self._meanings = self._mean()
        try:
            return super().complete(*args, **kwargs)
        finally:
            self._meanings = None

    def _mean(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the parameters mean, (n, width), and each of their values, (n, bins, width)."""
        described = self._described
        of = self.about(described.about) + self.names(described.names)
        about = described.about[:, None].expand(-1, described.values.shape[1], -1)
        values = self.value(torch.cat([described.values, about], 2)) + self.names(described.labels)
        return of, values


def _described(space: ParameterSpace, encoding: Encoding) -> Described:
    if len(space) > _MOST:
        raise SynthgymError(
            f"transformer takes {_MOST} free parameters at most, and these are {len(space)}; "
            "choose some by the keyword parameters=[NAME,NAME]: the others stay at their defaults"
        )
    return Described(space, encoding)
