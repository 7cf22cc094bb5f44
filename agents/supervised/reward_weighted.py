"""How a network learns from its rollouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch

from synthgym.features import Features
from synthgym.notes import Notes
from synthgym.task import SoundMatchingTask

from ..training.divergence import Diverged
from .config import TrainerConfig
from .model import Model
from .rollout import EXPLORING, reward_loss, roll_out

Rehearsal = Callable[[int], torch.Tensor]
"""Gives the loss of imitation on a mini-batch, by its number in the rollout."""


class RolloutLearner(Protocol):
    """Learns from rollouts.

    Attributes:
        optimizer: of all weights that are learned.
        rehearsals: mini-batches of imitation in a rollout.
    """

    optimizer: torch.optim.Optimizer
    rehearsals: int

    def learn(
        self, features: Features, notes: Notes, rehearsal: Rehearsal, rng: np.random.Generator
    ) -> float:
        """Learn from a rollout for targets (B, frames, bins) at notes (B, 3).

        Args:
            features: of the targets, float32.
            notes: of the targets, float64.
            rehearsal: gives the loss of imitation on a mini-batch.
            rng: of all that is random.

        Returns:
            The mean distance of the best.

        Raises:
            Diverged: a loss is not finite.
        """

    def state(self) -> dict[str, Any]:
        """Return all that it depends on but the network's weights."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class RewardWeighted:
    """Learns from candidates as from examples, the nearer the more (``reward_loss``), and rehearses examples.

    Args:
        model: that learns.
        task: renders.
        config: of the rollouts.
    """

    def __init__(self, model: Model, task: SoundMatchingTask, config: TrainerConfig) -> None:
        self._model, self._task, self._config = model, task, config
        self.rehearsals = config.rounds
        weights = model.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(weights, weight_decay=config.weight_decay)

    def learn(
        self, features: Features, notes: Notes, rehearsal: Rehearsal, rng: np.random.Generator
    ) -> float:
        """Learn after each round of a rollout.

        Args:
            features: of the targets, float32 (B, frames, bins).
            notes: of the targets, float64 (B, 3).
            rehearsal: gives the loss of imitation on a mini-batch.
            rng: of all that is random.

        Returns:
            The mean distance of the best, in [0, 1].
        """
        config, model = self._config, self._model
        rounds = roll_out(
            model, features, notes, self._task, config.rounds, config.candidates, EXPLORING, rng
        )
        for turn, now in enumerate(rounds):
            rewarded = reward_loss(model, features, notes, now, rng)
            descend(self.optimizer, rewarded + config.rehearsal * rehearsal(turn))
        return float(now.best.mean())

    def state(self) -> dict[str, Any]:
        """Return the optimizer's state."""
        return {"optimizer": self.optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from the optimizer's state."""
        self.optimizer.load_state_dict(state["optimizer"])


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """Make a step down a loss, its gradient clipped to a norm of 1.

    Args:
        optimizer: of the weights; its gradients are set anew.
        loss: one number, with its gradient.

    Raises:
        Diverged: the loss or its gradient is not finite; the weights stay as they are.
    """
    if not torch.isfinite(loss):
        raise Diverged(f"the loss is {float(loss.detach()):g}")
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    if not torch.isfinite(norm):
        raise Diverged(f"the gradient of the loss has a norm of {float(norm):g}")
    optimizer.step()
