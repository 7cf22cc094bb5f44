"""Agents that learn from a data set to name the parameters of a sound."""

from .agent import origin, prepare
from .training import arguments, check, played, train

__all__ = ["arguments", "check", "origin", "played", "prepare", "train"]
