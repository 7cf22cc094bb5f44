"""Agents that learn by reinforcement in the environment (stable-baselines3)."""

from .policy import origin, prepare
from .training import check, hyperparameter_names, train, training_env

__all__ = ["check", "hyperparameter_names", "origin", "prepare", "train", "training_env"]
