"""Agents that learn from a data set to predict the parameters of a sound."""

from .agent import origin, prepare
from .training import check, hyperparameter_names, train, training_env

__all__ = ["check", "hyperparameter_names", "origin", "prepare", "train", "training_env"]
