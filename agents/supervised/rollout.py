"""Rollouts: a network samples patches for targets, renders them, and goes on from the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.features import Features, distance
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .model import Model

Temperatures = tuple[float, float]
"""Of samples of whole patches, and of parts of one."""
SEARCHING: Temperatures = (0.3, 0.5)
EXPLORING: Temperatures = (1.0, 0.7)
PART = 0.3
"""The greatest share of a patch that is sampled again."""
SHARPNESS = 0.1
"""A candidate that is nearer than another by this share of the distance weighs e times as much."""


@dataclass(frozen=True)
class Round:
    """The renders of B targets in one round.

    Attributes:
        known: which values were kept of the best patches so far, (B, n) bool: none in the first round.
        unit: K candidates for each target (B, K, n).
        distances: from their targets (B, K).
        before: distance of the best so far (B,); infinite in the first round.
    """

    known: NDArray[np.bool_]
    unit: Unit
    distances: NDArray[np.float64]
    before: NDArray[np.float64]

    @property
    def best(self) -> NDArray[np.float64]:
        """The distance of the best after this round (B,)."""
        nearest: NDArray[np.float64] = self.distances.min(axis=1)
        return np.minimum(self.before, nearest)

    def weights(self) -> NDArray[np.float64]:
        """Return the weights of the candidates (B, K).

        They are a softmax of nearness over all of them and the best so far, so that little is learned where
        none is better than that.
        """
        first = np.isinf(self.before)
        scale = SHARPNESS * np.maximum(np.where(first, self.distances.mean(axis=1), self.before), 1e-6)
        distances = np.column_stack([self.distances, self.before])
        odds = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / scale[:, None])
        of_all: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return of_all[:, :-1]


def kept_parts(count: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of n values are kept of so many patches (count, n); the others are sampled again.

    Args:
        count: how many patches.
        n: how many parameters.
        rng: of all that is random.

    Returns:
        Bool (count, n); at least one value of each patch is not kept.
    """
    known = np.ones((count, n), np.bool_)
    for row in known:
        row[rng.permutation(n)[: rng.integers(1, max(2, int(PART * n) + 1))]] = False
    return known


def roll_out(
    model: Model,
    features: Features,
    notes: Notes,
    task: SoundMatchingTask,
    rounds: int,
    candidates: int,
    temperatures: Temperatures,
    rng: np.random.Generator,
) -> Iterator[Round]:
    """Sample and render candidates for targets: first whole patches, then parts of the best so far.

    Args:
        model: samples; it may learn between rounds.
        features: of the targets (B, frames, bins).
        notes: that they play (B, 3).
        task: renders.
        rounds: how many.
        candidates: of each round, for each target.
        temperatures: of the samples.
        rng: of the samples.

    Yields:
        Each round.
    """
    count, n = len(features), model.network.encoding.parameters
    targets, played = np.repeat(features, candidates, axis=0), np.repeat(notes, candidates, axis=0)
    best_unit, best = np.zeros((count, n), np.float32), np.full(count, np.inf)
    for number in range(rounds):
        known = kept_parts(count, n, rng) if number else np.zeros((count, n), np.bool_)
        embedding = model.embed(features, notes).repeat_interleave(candidates, dim=0)
        unit, kept = np.repeat(best_unit, candidates, axis=0), np.repeat(known, candidates, axis=0)
        sample = model.complete(embedding, unit, kept, temperatures[number > 0], rng)
        rendered = task.render(sample, played).features[0]
        distances = distance(rendered, targets).reshape(count, candidates).astype(np.float64)
        now = Round(known, sample.reshape(count, candidates, n), distances, best)
        yield now
        nearest = distances.argmin(axis=1)
        better = distances.min(axis=1) < best
        best_unit[better] = now.unit[np.arange(count), nearest][better]
        best = now.best


def reward_loss(
    model: Model, features: Features, notes: Notes, now: Round, rng: np.random.Generator
) -> torch.Tensor:
    """Return a loss that falls as the samples of a network approach what was near in a round.

    A synthesiser has no gradient. But candidates can be learned as examples are, the nearer the more
    (reward-weighted regression: Peters and Schaal, "Reinforcement learning by reward-weighted regression for
    operational space control", 2007).

    Args:
        model: that learns.
        features: of the targets, float32 (B, frames, bins).
        notes: of the targets, (B, 3).
        now: the round, with K candidates for each target.
        rng: of which of their values are seen.

    Returns:
        One number, with its gradient.
    """
    count, candidates, n = now.unit.shape
    model.network.train()
    embedding = model.encode(features, notes).repeat_interleave(candidates, dim=0)
    unit, known = now.unit.reshape(-1, n), np.repeat(now.known, candidates, axis=0)
    losses = model.network.loss(embedding, torch.from_numpy(unit), torch.from_numpy(known), rng)
    loss: torch.Tensor = (torch.from_numpy(now.weights().reshape(-1)).float() * losses).sum() / count
    return loss


def example_loss(
    model: Model, features: Features, unit: Unit, notes: Notes, rng: np.random.Generator
) -> torch.Tensor:
    """Return the cross-entropy of the parameters of examples (imitation).

    Args:
        model: that learns.
        features: of the examples, float32 (B, frames, bins).
        unit: their parameters, float32 (B, n) in [0, 1].
        notes: that they play, (B, 3).
        rng: of which of their values are seen.

    Returns:
        The mean over examples, one number with its gradient.
    """
    values = torch.from_numpy(unit)
    nothing = torch.zeros(unit.shape, dtype=torch.bool)
    loss: torch.Tensor = model.network.loss(model.encode(features, notes), values, nothing, rng).mean()
    return loss
