"""The game that a network plays with a target, many of them side by side, to learn from what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .model import Model

Temperatures = tuple[float, float]
"""Of draws of whole patches, and of parts."""
SEARCHING: Temperatures = (0.3, 0.5)
EXPLORING: Temperatures = (1.0, 0.7)
PART = 0.3
"""The most of a patch that is drawn again."""
GREED = 0.1
"""A candidate that is nearer than another by so much of the distance weighs e times as much."""


@dataclass(frozen=True)
class Round:
    """What B targets have heard in one round.

    Attributes:
        known: which values were kept of the best patches so far, (B, n) bool: none in the first round.
        unit: K candidates for each target (B, K, n).
        far: their distances (B, K).
        before: distance of the best so far (B,); infinite in the first round.
    """

    known: NDArray[np.bool_]
    unit: Unit
    far: NDArray[np.float64]
    before: NDArray[np.float64]

    @property
    def best(self) -> NDArray[np.float64]:
        """The distance of the best after it (B,)."""
        nearest: NDArray[np.float64] = self.far.min(axis=1)
        return np.minimum(self.before, nearest)

    def weights(self) -> NDArray[np.float64]:
        """Return what each candidate is worth (B, K): a softmax of nearness over all of them and the best so
        far, so that little is learned where none is better than that."""
        first = np.isinf(self.before)
        scale = GREED * np.maximum(np.where(first, self.far.mean(axis=1), self.before), 1e-6)
        far = np.column_stack([self.far, self.before])
        odds = np.exp(-(far - far.min(axis=1, keepdims=True)) / scale[:, None])
        of_all: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return of_all[:, :-1]


def kept_parts(count: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of n values are kept of so many patches (count, n); the others are drawn again."""
    known = np.ones((count, n), np.bool_)
    for row in known:
        row[rng.permutation(n)[: rng.integers(1, max(2, int(PART * n) + 1))]] = False
    return known


def play(
    model: Model,
    features: Features,
    task: SoundMatchingTask,
    rounds: int,
    candidates: int,
    temperatures: Temperatures,
    rng: np.random.Generator,
) -> Iterator[Round]:
    """Play with targets: first whole patches are drawn, then parts of the best so far again and again.

    Args:
        model: draws; it may learn between rounds.
        features: of the targets (B, frames, bins).
        task: renders.
        rounds: how many.
        candidates: of each round, for each target.
        temperatures: of draws.
        rng: draws.
    """
    count, n = len(features), model.network.encoding.parameters
    targets = np.repeat(features, candidates, axis=0)
    best_unit, best = np.zeros((count, n), np.float32), np.full(count, np.inf)
    for number in range(rounds):
        known = kept_parts(count, n, rng) if number else np.zeros((count, n), np.bool_)
        embedding = model.embed(features).repeat_interleave(candidates, dim=0)
        unit, kept = np.repeat(best_unit, candidates, axis=0), np.repeat(known, candidates, axis=0)
        sample = model.complete(embedding, unit, kept, temperatures[number > 0], rng)
        far = distance(task.render(sample).features[0], targets).reshape(count, candidates).astype(np.float64)
        now = Round(known, sample.reshape(count, candidates, n), far, best)
        yield now
        nearest = far.argmin(axis=1)
        better = far.min(axis=1) < best
        best_unit[better] = now.unit[np.arange(count), nearest][better]
        best = now.best


def reward_loss(model: Model, features: Features, now: Round, rng: np.random.Generator) -> torch.Tensor:
    """Return a loss that falls as a network draws what was near in a round.

    A synthesiser has no gradient. But candidates can be learned as examples are, the nearer the more
    (reward-weighted regression: Peters and Schaal, "Reinforcement learning by reward-weighted regression for
    operational space control", 2007).
    """
    count, candidates, n = now.unit.shape
    model.network.train()
    embedding = model.encode(features).repeat_interleave(candidates, dim=0)
    unit, known = now.unit.reshape(-1, n), np.repeat(now.known, candidates, axis=0)
    losses = model.network.loss(embedding, torch.from_numpy(unit), torch.from_numpy(known), rng)
    loss: torch.Tensor = (torch.from_numpy(now.weights().reshape(-1)).float() * losses).sum() / count
    return loss


def example_loss(model: Model, features: Features, unit: Unit, rng: np.random.Generator) -> torch.Tensor:
    """Return how surprised a network is by the parameters of examples (imitation)."""
    values = torch.from_numpy(unit)
    nothing = torch.zeros(unit.shape, dtype=torch.bool)
    loss: torch.Tensor = model.network.loss(model.encode(features), values, nothing, rng).mean()
    return loss
