"""How a network predicts parameters: by a distribution over the values of each."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from synthgym.parameters import ParameterSpace

BINS = 32
"""A continuous parameter, or an ordered one with more values than this, is divided into so many bins."""


class Encoding:
    """What the outputs of a network mean: for each of n parameters, the scores of up to ``bins`` values.

    Args:
        space: the parameters.

    Attributes:
        parameters: n.
        bins: the most values that any of them has.
        size: the number of outputs of the network.
        last: number of the last value of each, (n,) int64.
    """

    def __init__(self, space: ParameterSpace) -> None:
        kinds = [(p.steps or BINS + 1, p.kind == "categorical") for p in space.free]
        counts = [steps if steps <= BINS or category else BINS for steps, category in kinds]
        self.parameters, self.bins = len(counts), max(counts)
        self.size = self.parameters * self.bins
        self.last = torch.tensor(counts) - 1
        self._binned = torch.tensor([count < steps for count, (steps, _) in zip(counts, kinds, strict=True)])
        self._missing = torch.arange(self.bins) > self.last[:, None]

    def log_probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the log-probabilities (B, n, bins) of values, for a network's outputs (B, size)."""
        scores = outputs.reshape(-1, self.parameters, self.bins)
        return functional.log_softmax(scores.masked_fill(self._missing, -1e9), dim=-1)

    def entropy(self, log: torch.Tensor) -> torch.Tensor:
        """Return the entropy of every parameter's distribution (B, n); it is 1 for a uniform one."""
        return -(log.exp() * log.clamp(min=-100)).sum(-1) / torch.log(self.last + 1.0)

    def cross_entropy(self, log: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy (B, n) of log-probabilities with unit vectors, counted as the entropy.

        A value between two bins belongs to both in part (Imani and White, "Improving Regression
        Performance with Distributional Losses", 2018).

        Args:
            log: float32 (B, n, bins).
            unit: float32 (B, n) in [0, 1].

        Returns:
            Float32 (B, n), where 1 is the entropy of a uniform distribution.
        """
        place = unit * self.last
        low = torch.minimum(place.floor(), (self.last - 1).float()).long()
        share = place - low
        below, above = (log.gather(-1, (low + i)[..., None])[..., 0] for i in (0, 1))
        return -((1 - share) * below + share * above) / torch.log(self.last + 1.0)

    def in_nats(self, cross_entropy: torch.Tensor) -> torch.Tensor:
        """Return a cross-entropy (B, n) in nats, as minus a log-probability."""
        return cross_entropy * torch.log(self.last + 1.0)

    def mode(self, log: torch.Tensor) -> torch.Tensor:
        """Return the most probable unit vectors (B, n).

        Of a parameter in bins it is the mean of the most probable bin and its two neighbours.
        """
        best = log.argmax(-1)
        bins = torch.arange(self.bins)
        near = log.exp() * ((bins - best[..., None]).abs() <= 1)
        mean = (near * bins).sum(-1) / near.sum(-1)
        # The sums round: a mean of the last bins may come out just above the last.
        return (torch.where(self._binned, mean, best.float()) / self.last).clamp(0, 1)

    def sample(self, log: torch.Tensor, temperature: float, rng: np.random.Generator) -> torch.Tensor:
        """Return unit vectors (B, n) sampled from distributions, narrowed by a temperature below 1.

        Args:
            log: float32 (B, n, bins).
            temperature: above 0; 1 leaves the distributions as they are.
            rng: of all that is random.

        Returns:
            Float32 (B, n) in [0, 1]; what is divided into bins lies anywhere in the one that was sampled.
        """
        # The argmax of scores plus Gumbel noise is a sample of their softmax.
        chosen = (log / temperature + torch.from_numpy(rng.gumbel(size=log.shape))).argmax(-1)
        within = torch.from_numpy(rng.uniform(-0.5, 0.5, chosen.shape)).float()
        place = torch.where(self._binned, chosen + within, chosen.float())
        return torch.minimum(place.clamp(min=0), self.last.float()) / self.last
