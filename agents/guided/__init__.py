"""The agent that climbs by steps which a network proposes: learned from climbs that were rendered."""

from ..supervised import training_env
from .agent import origin, prepare, prepare_shipped
from .training import check, hyperparameter_names, train

__all__ = ["check", "hyperparameter_names", "origin", "prepare", "prepare_shipped", "train", "training_env"]
