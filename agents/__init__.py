"""Agents that learn to program synthesisers, by name."""

from __future__ import annotations

from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from synthgym.checks import one_of

__all__ = ["AGENTS", "algorithm"]

AGENTS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO}


def algorithm(agent: str) -> type[BaseAlgorithm]:
    """Return the learning algorithm of an agent; UnknownNameError if there is none of that name."""
    one_of("agent", agent, AGENTS)
    return AGENTS[agent]
