"""Agents that learn from a data set to name the parameters of a sound."""

from agents.supervised.guess import origin, prepare
from agents.supervised.training import arguments, check, played, train

__all__ = ["arguments", "check", "origin", "played", "prepare", "train"]
