"""The rules of an environment's episodes, whatever its synth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from synthgym.checks import number, one_of, truth, whole
from synthgym.patches import TargetStream

Reward = Literal["distance", "improvement", "sparse"]


@dataclass(frozen=True)
class Rules:
    """The rules of episodes; SynthEnv says what each is.

    Raises:
        SynthgymError: one is unknown or out of range.
    """

    reward: Reward = "distance"
    max_nudge: float = 0.1
    tolerance: float = 0.05
    targets: TargetStream = "train"
    keep_best: bool = False
    starts: int = 1
    most_nudged: int | None = None
    contrast: float | None = None

    def __post_init__(self) -> None:
        one_of("reward", self.reward, get_args(Reward))
        one_of("stream of targets", self.targets, get_args(TargetStream))
        number("max_nudge", self.max_nudge, 0.0001, 1)
        number("tolerance", self.tolerance, 0, 1)
        truth("keep_best", self.keep_best)
        whole("starts", self.starts, 1, 1000)
        if self.most_nudged is not None:
            whole("most_nudged", self.most_nudged, 1, 10**6)
        if self.contrast is not None:
            number("contrast", self.contrast, 0.1, 1000)


RULES = tuple(field.name for field in fields(Rules))
"""The keywords of an environment that its task does not take."""
