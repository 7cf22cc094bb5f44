"""Agents that learn by playing the environment (stable-baselines3)."""

from .policy import origin, prepare
from .training import arguments, check, played, train

__all__ = ["arguments", "check", "origin", "played", "prepare", "train"]
