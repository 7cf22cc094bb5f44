"""How a network is trained, by the names of agents/hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from synthgym.checks import number, one_of, whole
from synthgym.errors import SynthgymError

Loss = Literal["parameter", "feature", "ppo"]


@dataclass(frozen=True)
class TrainerConfig:
    """How a network is trained.

    Attributes:
        loss: ``parameter``: how surprised it is by the parameters of examples (imitation). ``feature``: first
            that, then the feature distance of what it draws and renders, in games (reinforcement), by
            reward-weighted regression. ``ppo``: likewise, by stable-baselines3's PPO.
        batch_size: examples in a mini-batch.
        learning_rate: at first; it falls to zero as half a cosine over the loss's turn.
        game_learning_rate: likewise, in games.
        weight_decay: of AdamW.
        validate_every: mini-batches.
        validate_games: games.
        validate_on: so many validation examples, whose guesses are really rendered; in games, that cost more,
            a quarter of them.
        patience: so many validations in a row without a new best end the imitation.
        games: of a run's steps, so many at its end are games.
        targets: of a game, side by side.
        rounds: of a game.
        candidates: renders for each target in a round; PPO learns after the last of them.
        rehearsal: what the imitation of examples weighs beside a round's reward, or after a game of PPO.
    """

    loss: Loss = "feature"
    batch_size: int = 256
    learning_rate: float = 1e-3
    rollout_learning_rate: float = 2e-4
    weight_decay: float = 0.01
    validate_every: int = 500
    validate_rollouts: int = 50
    validate_on: int = 512
    patience: int = 8
    rollouts: int = 200
    targets: int = 32
    rounds: int = 6
    candidates: int = 8
    rehearsal: float = 1.0

    def __post_init__(self) -> None:
        one_of("loss", self.loss, get_args(Loss))
        for name in ("batch_size", "validate_every", "validate_games", "validate_on", "patience", "games"):
            whole(name, getattr(self, name), 1, 10**9)
        for name in ("targets", "rounds", "candidates"):
            whole(name, getattr(self, name), 1, 1000)
        if self.loss == "ppo" and self.targets * self.rounds * self.candidates < 2:
            raise SynthgymError(
                "a game of PPO takes two renders at least: give more targets, rounds or candidates"
            )
        for name in ("learning_rate", "game_learning_rate", "weight_decay", "rehearsal"):
            number(name, getattr(self, name), 0, 10)


TRAINER_NAMES = [field.name for field in fields(TrainerConfig)]
"""Names of hyperparameters."""
