"""A multi-layer perceptron that hears the whole feature at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn


class MLP(nn.Module):
    """Hidden layers with layer normalisation.

    Args:
        shape: of a feature, (frames, bins).
        outputs: how many there are.
        hidden: sizes of the layers between.
    """

    def __init__(self, shape: tuple[int, int], outputs: int, hidden: Sequence[int] = (512, 512, 512)) -> None:
        super().__init__()
        sizes = [shape[0] * shape[1], *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for size, following in itertools.pairwise(sizes):
            layers += [nn.Linear(size, following), nn.LayerNorm(following), nn.GELU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return outputs (B, outputs) of features (B, frames, bins) in [0, 1]."""
        heard: torch.Tensor = self.layers(features)
        return heard
