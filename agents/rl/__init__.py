"""Agents that learn by playing the environment (stable-baselines3)."""

from agents.rl.policy import origin, prepare
from agents.rl.training import arguments, check, played, train

__all__ = ["arguments", "check", "origin", "played", "prepare", "train"]
