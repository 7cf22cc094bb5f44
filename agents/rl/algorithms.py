"""The algorithms of stable-baselines3 and of the same interface, by the names of their agents."""

from __future__ import annotations

from dataclasses import dataclass

from stable_baselines3 import PPO, SAC, HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm

from synthgym.checks import one_of

from .es import ES
from .population import Population


@dataclass(frozen=True)
class Method:
    """How an agent learns.

    Attributes:
        algorithm: the class that learns.
        goals: whether it is trained on the goal-conditioned twin of an environment.
    """

    algorithm: type[BaseAlgorithm]
    goals: bool = False


class ARS(Population):
    """Augmented random search (Mania, Guy and Recht, "Simple random search provides a competitive approach
    to reinforcement learning", 2018), as sb3-contrib has it."""


METHODS: dict[str, Method] = {
    "ppo": Method(PPO),
    "sac": Method(SAC),
    "sac_her": Method(SAC, goals=True),
    "ars": Method(ARS),
    "es": Method(ES),
}

CLASSES = {kind.__name__: kind for kind in (HerReplayBuffer,)}
"""What hyperparameters may name."""


def method(agent: str) -> Method:
    """Return how an agent learns; UnknownNameError if there is none of that name."""
    one_of("agent", agent, METHODS)
    return METHODS[agent]
