"""How a network of steps is trained, by the names of agents/hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from synthgym.checks import number, whole

from ..training.run_config import RunConfig


@dataclass(frozen=True)
class TrainerConfig:
    """How a network of steps is trained.

    Attributes:
        imitation: how many of a run's steps, at its beginning, are mini-batches of imitation.
        batch_size: examples in a mini-batch: two renders each.
        most_changes: of a patch in an example, which the network learns to undo.
        learning_rate: of AdamW, in imitation, at whose end it has fallen to nearly nothing.
        climb_learning_rate: likewise, of what is learned from climbs.
        weight_decay: of AdamW.
        groups: of climbs; those of one group have one note.
        climbs: in each group, side by side.
        bank: random patches that are rendered for each group; a climb begins at the nearest of them.
        longest: renders of a climb at most; half of them are short of the square root of that.
        tries: steps from where a climb is that are drawn and rendered at once.
        entropy: weight of the entropy of which parameter is changed.
        sounds: folder of recordings with a manifest (``synthgym real-sounds``), the targets of every other
            group; default: all targets are random patches.
        validate_every: steps between validations, once imitation is over.
        validate_on: validation targets.
        validate_renders: renders for each of them.
    """

    imitation: int = 1000
    batch_size: int = 384
    most_changes: int = 24
    learning_rate: float = 8e-4
    climb_learning_rate: float = 4e-4
    weight_decay: float = 1e-4
    groups: int = 8
    climbs: int = 48
    bank: int = 1500
    longest: int = 1200
    tries: int = 4
    entropy: float = 0.05
    sounds: str | None = None
    validate_every: int = 250
    validate_on: int = 64
    validate_renders: int = 100

    def __post_init__(self) -> None:
        for name in ("batch_size", "most_changes", "groups", "climbs", "bank", "longest"):
            whole(name, getattr(self, name), 1, 10**6)
        whole("tries", self.tries, 2, 1000)
        whole("imitation", self.imitation, 0, 10**9)
        for name in ("validate_every", "validate_on", "validate_renders"):
            whole(name, getattr(self, name), 1, 10**9)
        for name in ("learning_rate", "climb_learning_rate", "weight_decay", "entropy"):
            number(name, getattr(self, name), 0, 10)

    @classmethod
    def of(cls, run: RunConfig) -> Self:
        """Return how the network of a run is trained."""
        return cls(**{k: v for k, v in run.hyperparameters.items() if k in TRAINER_NAMES})


TRAINER_NAMES = [field.name for field in fields(TrainerConfig)]
"""Names of the hyperparameters above."""
