"""How a network names parameters: a number for each that has an order, scores for each category."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from synthgym.parameters import ParameterSpace, Unit


class Encoding:
    """What the outputs of a network mean.

    Continuous and integer parameters are one output each, whose sigmoid is the unit value; a categorical one
    of N categories is N outputs, their scores before the softmax.

    Args:
        space: of the parameters.

    Attributes:
        size: how many outputs there are.
    """

    def __init__(self, space: ParameterSpace) -> None:
        categorical = np.array([parameter.kind == "categorical" for parameter in space.free])
        self._numbers = torch.from_numpy(np.flatnonzero(~categorical))
        self._categories = np.flatnonzero(categorical).tolist()
        self._counts: list[int] = [space.free[i].steps or 0 for i in self._categories]
        self.parameters = len(space)
        self.size = len(self._numbers) + sum(self._counts)

    def split(self, outputs: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the numbers (B, numbers), in [0, 1], and the scores (B, N) of each categorical parameter."""
        numbers, *scores = torch.split(outputs, [len(self._numbers), *self._counts], dim=1)
        return numbers.sigmoid(), scores

    def join(self, numbers: torch.Tensor, categories: list[torch.Tensor]) -> torch.Tensor:
        """Return unit vectors (B, n) of numbers (B, numbers) and of a category (B,) for each parameter."""
        unit = torch.empty(len(numbers), self.parameters)
        unit[:, self._numbers] = numbers
        for i, count, chosen in zip(self._categories, self._counts, categories, strict=True):
            unit[:, i] = chosen.float() / (count - 1)
        return unit

    def categories(self, unit: torch.Tensor) -> list[torch.Tensor]:
        """Return the category (B,) of each categorical parameter of unit vectors (B, n)."""
        return [
            (unit[:, i] * (count - 1)).round().long()
            for i, count in zip(self._categories, self._counts, strict=True)
        ]

    def numbers(self, unit: torch.Tensor) -> torch.Tensor:
        """Return the numbers (B, numbers) of unit vectors (B, n)."""
        return unit[:, self._numbers]

    def guess(self, outputs: torch.Tensor) -> Unit:
        """Return the likeliest unit vectors (B, n)."""
        numbers, scores = self.split(outputs)
        unit: Unit = self.join(numbers, [each.argmax(dim=1) for each in scores]).numpy().astype(np.float32)
        return unit

    def parameter_error(self, outputs: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        """Return the mean over parameters of the absolute error of numbers, and of the cross-entropy of
        categories, in units of a guess at random."""
        numbers, scores = self.split(outputs)
        total = (numbers - self.numbers(unit)).abs().sum()
        for each, count, chosen in zip(scores, self._counts, self.categories(unit), strict=True):
            total = total + functional.cross_entropy(each, chosen, reduction="sum") / np.log(count)
        return total / (len(unit) * self.parameters)
