"""The distance of real renders as a loss."""

from __future__ import annotations

import numpy as np
import torch

from agents.supervised.model import Model
from synthgym.features import Features, distance
from synthgym.task import SoundMatchingTask

GREED = 0.05
"""A candidate that is so much nearer than another weighs e times as much."""


def feature_loss(
    model: Model, features: Features, task: SoundMatchingTask, candidates: int, rng: np.random.Generator
) -> tuple[torch.Tensor, float]:
    """Return a loss that falls as a network names what really sounds near, and the mean distance now.

    A synthesiser has no gradient. But the network can draw candidates, which are rendered, and learn them as
    it learns examples, the nearer the more (reward-weighted regression, Peters and Schaal 2007).

    Args:
        model: with the network.
        features: of targets (B, frames, bins).
        task: renders.
        candidates: for each target.
        rng: draws.
    """
    count = len(features)
    targets = np.tile(features, (candidates, 1, 1))
    unit = model.name(targets, temperature=1.0, rng=rng)
    far = distance(task.hear(unit).features[0], targets).reshape(candidates, count)
    weights = torch.softmax(torch.from_numpy(-far / GREED), dim=0)
    model.network.train()
    heard = model.hear(features).repeat(candidates, 1)
    losses = model.network.loss(heard, torch.from_numpy(unit), rng).reshape(candidates, count)
    return (weights * losses).sum(0).mean(), float(far.mean())
