"""How a network is rewarded for what it draws in a game."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch

from synthgym.features import Features
from synthgym.task import SoundMatchingTask

from .config import TrainerConfig
from .model import Model
from .rollout import EXPLORING, play, reward_loss

Rehearsal = Callable[[int], torch.Tensor]
"""Gives the loss of imitation on a mini-batch, by its number in the game."""


class RolloutLearner(Protocol):
    """What learns in games.

    Attributes:
        optimizer: of all that it learns.
        rehearsals: in a game.
    """

    optimizer: torch.optim.Optimizer
    rehearsals: int

    def play(self, features: Features, rehearsal: Rehearsal, rng: np.random.Generator) -> float:
        """Play with targets (B, frames, bins) and learn; return the mean distance of the best."""

    def state(self) -> dict[str, Any]:
        """Return all that it depends on but the network's weights."""

    def load(self, state: dict[str, Any]) -> None:
        """Take that up."""


class RewardWeighted:
    """Learns candidates as examples, the nearer the more, see ``reward_loss``, and rehearses examples.

    Args:
        model: that learns.
        task: renders.
        fitting: how.
    """

    def __init__(self, model: Model, task: SoundMatchingTask, config: TrainerConfig) -> None:
        self._model, self._task, self._config = model, task, config
        self.rehearsals = config.rounds
        weights = model.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(weights, weight_decay=config.weight_decay)

    def play(self, features: Features, rehearsal: Rehearsal, rng: np.random.Generator) -> float:
        """Play a game, and learn after each round."""
        config, model = self._config, self._model
        rounds = play(model, features, self._task, config.rounds, config.candidates, EXPLORING, rng)
        for turn, now in enumerate(rounds):
            rewarded = reward_loss(model, features, now, rng)
            descend(self.optimizer, rewarded + config.rehearsal * rehearsal(turn))
        return float(now.best.mean())

    def state(self) -> dict[str, Any]:
        """Return the optimizer's state."""
        return {"optimizer": self.optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Take it up."""
        self.optimizer.load_state_dict(state["optimizer"])


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """Make a step down a loss, no longer than one of gradients of length 1."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
