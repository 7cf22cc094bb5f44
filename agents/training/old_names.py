"""Names that were changed, so that what was saved under the old ones stays readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

HYPERPARAMETERS = {
    "games": "rollouts",
    "game_learning_rate": "rollout_learning_rate",
    "validate_games": "validate_rollouts",
}
"""In ``config.yml``; by old name."""
MODULES = {"body": "encoder"}
"""First parts of the names of weights in saved networks; by old name."""
_Value = TypeVar("_Value")


def current_hyperparameters(kept: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return hyperparameters under the names of today."""
    return {HYPERPARAMETERS.get(name, name): value for name, value in kept.items()}


def current_weights(kept: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the weights of a network under the names of today."""
    renamed = {}
    for name, value in kept.items():
        module, dot, rest = name.partition(".")
        renamed[MODULES.get(module, module) + dot + rest] = value
    return renamed
