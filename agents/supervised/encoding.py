"""How a network names parameters: by a distribution over the values of each."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from synthgym.parameters import ParameterSpace

BINS = 32
"""A parameter with an order and more values than that, or with any value, is told in so many bins."""


class Encoding:
    """What the outputs of a network mean: for each of n parameters, scores of up to ``bins`` values.

    Args:
        space: of the parameters.

    Attributes:
        parameters: n.
        bins: the most values of any.
        size: how many outputs there are.
    """

    def __init__(self, space: ParameterSpace) -> None:
        kinds = [(p.steps or BINS + 1, p.kind == "categorical") for p in space.free]
        counts = [steps if steps <= BINS or category else BINS for steps, category in kinds]
        self.parameters, self.bins = len(counts), max(counts)
        self.size = self.parameters * self.bins
        self._last = torch.tensor(counts) - 1
        self._blurred = torch.tensor([count < steps for count, (steps, _) in zip(counts, kinds, strict=True)])
        self._missing = torch.arange(self.bins) > self._last[:, None]

    def log_probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return those of values, (B, n, bins), of a network's outputs (B, size)."""
        scores = outputs.reshape(-1, self.parameters, self.bins)
        return functional.log_softmax(scores.masked_fill(self._missing, -1e9), dim=-1)

    def entropy(self, log: torch.Tensor) -> torch.Tensor:
        """Return the entropy of every parameter's distribution (B, n), 1 for even odds of all its values."""
        return -(log.exp() * log.clamp(min=-100)).sum(-1) / torch.log(self._last + 1.0)

    def cross_entropy(self, log: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy (B, n) of log-probabilities with unit vectors (B, n), in the same unit.

        A value between two bins is both, in part (Imani and White, "Improving Regression Performance with
        Distributional Losses", 2018).
        """
        place = unit * self._last
        low = torch.minimum(place.floor(), (self._last - 1).float()).long()
        share = place - low
        below, above = (log.gather(-1, (low + i)[..., None])[..., 0] for i in (0, 1))
        return -((1 - share) * below + share * above) / torch.log(self._last + 1.0)

    def in_nats(self, cross_entropy: torch.Tensor) -> torch.Tensor:
        """Return surprise (B, n) as minus log-probabilities."""
        return cross_entropy * torch.log(self._last + 1.0)

    def mode(self, log: torch.Tensor) -> torch.Tensor:
        """Return the likeliest unit vectors (B, n); between bins, the mean of three about the likeliest."""
        best = log.argmax(-1)
        bins = torch.arange(self.bins)
        near = log.exp() * ((bins - best[..., None]).abs() <= 1)
        mean = (near * bins).sum(-1) / near.sum(-1)
        return torch.where(self._blurred, mean, best.float()) / self._last

    def sample(self, log: torch.Tensor, temperature: float, rng: np.random.Generator) -> torch.Tensor:
        """Return unit vectors (B, n) drawn from distributions, made narrower by a temperature below 1."""
        # The greatest of scores plus Gumbel noise is a draw by their softmax.
        chosen = (log / temperature + torch.from_numpy(rng.gumbel(size=log.shape))).argmax(-1)
        within = torch.from_numpy(rng.uniform(-0.5, 0.5, chosen.shape)).float()
        place = torch.where(self._blurred, chosen + within, chosen.float())
        return torch.minimum(place.clamp(min=0), self._last.float()) / self._last
