"""The network of ``synthgym.features.embedding``, as PyTorch trains it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from synthgym.features.embedding import QUIET

from .augmentation import BINS

UNITS, CHANNELS = 128, 48


class Network(nn.Module):
    """Frames of ``multiresolution`` in, as many frames of channels out, as loud as the sound is."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = nn.Linear(BINS, UNITS)
        self.around = nn.Linear(3 * UNITS, UNITS)
        self.whole = nn.Linear(UNITS, UNITS, bias=False)
        self.channels = nn.Linear(UNITS, CHANNELS)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return channels (B, frames, 48), not negative, of features (B, frames, 318)."""
        loud = features.mean(2, keepdim=True)
        seen = functional.relu(self.frame(features / (loud + QUIET)))
        mean = (loud * seen).sum(1, keepdim=True) / (loud.sum(1, keepdim=True) + QUIET)
        padded = functional.pad(seen * (loud / (loud + QUIET)), (0, 0, 1, 1))
        three = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], dim=2)
        inner = functional.relu(self.around(three) + self.whole(mean))
        return functional.softplus(self.channels(inner)) * loud


def distances(channels: torch.Tensor) -> torch.Tensor:
    """Return the distance of every sound from every other, (B, B), of channels (B, frames, 48)."""
    flat = channels.flatten(1)
    apart, size = torch.cdist(flat, flat, p=1), flat.sum(1)
    return 2 * apart / (size[:, None] + size[None] + apart + 1e-9)
