"""A recurrent network that takes in one frame after the other."""

from __future__ import annotations

import torch
from torch import nn

from .mlp import layer


class LSTM(nn.Module):
    """Long short-term memory over the frames of a feature; the embedding is made of its mean and last state.

    Args:
        shape: of a feature, (frames, bins).
        width: of the embedding.
        hidden: size of the state.
        layers: how many are stacked.
        bidirectional: whether the frames are also taken in backwards.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        width: int = 512,
        hidden: int = 128,
        layers: int = 1,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(shape[1], hidden, layers, batch_first=True, bidirectional=bidirectional)
        self._directions = 2 if bidirectional else 1
        self.read = layer(2 * self._directions * hidden, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the embeddings (B, width) of features (B, frames, bins) in [0, 1]."""
        states, (last, _) = self.lstm(features)
        ends = last[-self._directions :].transpose(0, 1).flatten(1)
        embedding: torch.Tensor = self.read(torch.cat([states.mean(dim=1), ends], dim=1))
        return embedding
