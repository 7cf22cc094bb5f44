"""What a network can know of a parameter before it has learned anything: kind, values, name, place."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from synthgym.parameters import Parameter, ParameterSpace

from .encoding import Encoding

BUCKETS = 4096
"""Parts of names are told apart by so many numbers; 0 is none."""
_WAVES = 6
PLACE = 2 * _WAVES + 1
"""Numbers that tell a place in [0, 1]."""
ABOUT = 7 + PLACE
"""Numbers that tell a parameter, besides its name."""


def place(at: torch.Tensor) -> torch.Tensor:
    """Return (..., PLACE) numbers that tell a place in [0, 1], coarsely and finely, of places (...)."""
    phase = torch.pi * at[..., None] * 2.0 ** torch.arange(_WAVES)
    return torch.cat([2 * at[..., None] - 1, torch.sin(phase), torch.cos(phase)], -1)


def parts_of(name: str) -> list[int]:
    """Return the numbers, from 1 to BUCKETS - 1, of a name's words and of their groups of three letters.

    >>> set(parts_of("amp_attack")) & set(parts_of("Attack 2")) == set(parts_of("attack"))
    True
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    parts = []
    for word in (f"^{word.lower()}$" for word in words):
        parts += [word, *(word[i : i + 3] for i in range(len(word) - 2))]
    # A checksum is the same in every process, as hash() is not.
    return [1 + zlib.crc32(part.encode()) % (BUCKETS - 1) for part in parts]


def _bags(names: Iterable[str]) -> torch.Tensor:
    """Return the parts of names, (N, most parts) int64, filled up by 0."""
    return pad_sequence([torch.tensor(parts_of(name) or [0]) for name in names], batch_first=True)


def _about(p: Parameter, space: ParameterSpace) -> list[float]:
    kinds = [float(p.kind == kind) for kind in ("continuous", "integer", "categorical")]
    default = space.only([p.name]).to_unit(space.row({}))[0]
    return [*kinds, float(p.log), float(p.step > 0), float(np.log2(p.steps or 1)) / 8, 2 * float(default) - 1]


class Described:
    """The parameters of a synthesiser as a network of any synthesiser is told them.

    Args:
        space: the parameters.
        encoding: of their values.

    Attributes:
        about: of each, float32 (n, ABOUT).
        names: parts of the name of each, int64 (n, parts).
        values: of each of its values, float32 (n, bins, PLACE): where it is in the range.
        labels: parts of the label of each value, int64 (n, bins, parts); of one without a label none.
    """

    def __init__(self, space: ParameterSpace, encoding: Encoding) -> None:
        n, bins = encoding.parameters, encoding.bins
        rows = torch.tensor([_about(p, space) for p in space.free])
        self.about = torch.cat([rows, place(torch.arange(n) / max(n - 1, 1))], 1)
        self.names = _bags(p.name for p in space.free)
        at = torch.arange(bins) / encoding.last[:, None]
        self.values = place(at.clamp(max=1))
        labels = [[*p.labels[:bins], *[""] * bins][:bins] for p in space.free]
        self.labels = _bags(label for row in labels for label in row).reshape(n, bins, -1)
