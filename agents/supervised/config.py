"""How a network is trained, by the names of agents/hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, get_args

from synthgym.checks import number, one_of, whole
from synthgym.errors import SynthgymError

from ..training.run_config import RunConfig

Loss = Literal["parameter", "feature", "ppo"]


@dataclass(frozen=True)
class TrainerConfig:
    """How a network is trained.

    Attributes:
        loss: ``parameter``: the cross-entropy of the parameters of examples (imitation). ``feature``: first
            that, then the feature distance of what it samples and renders in rollouts, by reward-weighted
            regression (reinforcement). ``ppo``: likewise, by stable-baselines3's PPO.
        batch_size: examples in a mini-batch.
        learning_rate: at the beginning of imitation, at whose end a half cosine has brought it to zero.
        rollout_learning_rate: likewise, of the rollouts.
        weight_decay: of AdamW.
        validate_every: mini-batches between validations.
        validate_rollouts: rollouts between validations.
        validate_on: validation examples whose predictions are rendered; a quarter of them for a rollout,
            which costs more.
        patience: imitation ends after so many validations in a row without a new best.
        rollouts: how many of a run's steps, at its end, are rollouts.
        targets: of a rollout, side by side.
        rounds: of a rollout.
        candidates: renders for each target in a round; PPO learns after the last of them.
        rehearsal: weight of the imitation of examples beside a round's reward, or after a rollout of PPO.
        weights: run folder or model whose weights ``transformer`` begins with, whatever synthesisers they
            were learned on; default: random ones.
        others: keywords by the ids of other environments, whose examples ``transformer`` learns from, too:
            one mini-batch of each in turn. A list of keywords makes several of an id, as of ``Plugin-v0``.
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
    weights: str | None = None
    others: dict[str, dict[str, Any] | list[dict[str, Any]] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("loss", self.loss, get_args(Loss))
        for name in (
            "batch_size",
            "validate_every",
            "validate_rollouts",
            "validate_on",
            "patience",
            "rollouts",
        ):
            whole(name, getattr(self, name), 1, 10**9)
        for name in ("targets", "rounds", "candidates"):
            whole(name, getattr(self, name), 1, 1000)
        if self.loss == "ppo" and self.targets * self.rounds * self.candidates < 2:
            raise SynthgymError(
                "a rollout of PPO takes two renders at least: give more targets, rounds or candidates"
            )
        for name in ("learning_rate", "rollout_learning_rate", "weight_decay", "rehearsal"):
            number(name, getattr(self, name), 0, 10)
        if self.weights is not None and not isinstance(self.weights, str):
            raise SynthgymError(f"weights is the run folder or model of a training; got {self.weights!r}")
        if not isinstance(self.others, dict) or not all(
            isinstance(env, str)
            and given != []
            and all(isinstance(each, dict) for each in self.keywords(env))
            for env, given in self.others.items()
        ):
            raise SynthgymError(
                "others takes keywords by ids, as "
                "'others={FM-v0: {}, Plugin-v0: [{plugin: PATH}, {plugin: ANOTHER}]}'; "
                f"got {self.others!r}"
            )

    def keywords(self, env: str) -> list[dict[str, Any]]:
        """Return the keywords of each of the other environments of an id."""
        given = self.others[env]
        return given if isinstance(given, list) else [{} if given is None else given]

    @classmethod
    def of(cls, run: RunConfig) -> Self:
        """Return how the network of a run is trained."""
        return cls(**{k: v for k, v in run.hyperparameters.items() if k in TRAINER_NAMES})


TRAINER_NAMES = [each.name for each in fields(TrainerConfig)]
"""Names of the hyperparameters above."""
