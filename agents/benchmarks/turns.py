"""Contenders take turns, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

Turn = Callable[[], float]
"""Works for a while and returns a figure, such as steps per second."""

Figures = dict[str, list[float]]
"""What each contender reached, round by round."""

ENDLESS: dict[str, Any] = {"max_episode_steps": 10**9, "tolerance": 0.0, "max_nudge": 0.001}
"""Keywords with which no episode ends, and patches stay near the audible ones they began with."""


def take_turns(rounds: int, turns: Mapping[str, Turn]) -> Figures:
    """Give each contender its turn in every round; every other round goes the other way about.

    Args:
        rounds: how many.
        turns: by contender.

    Returns:
        What each contender reached, round by round.
    """
    figures: Figures = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: 1 if number % 2 == 0 else -1]:
            figures[name].append(turns[name]())
    return figures


def median(values: Sequence[float]) -> float:
    """Return the median over rounds."""
    return float(np.median(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Return the median over rounds of the ratio of two contenders.

    Args:
        over: figures of one contender, a round each.
        under: those of the other.

    Returns:
        The median.
    """
    return float(np.median(np.divide(over, under)))


def timed(function: Callable[[Any], Any], argument: Any) -> tuple[float, Any]:
    """Return how many seconds a call takes, and its result.

    Args:
        function: to call.
        argument: of the call.

    Returns:
        Seconds, and what the call returned.
    """
    start = time.perf_counter()
    result = function(argument)
    return time.perf_counter() - start, result


def random_actions(*shape: int) -> NDArray[np.float32]:
    """Return the same actions for every contender."""
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def steps_of_one(env: gym.Env[Any, Any], calls: int) -> Turn:
    """Return a turn of a single environment in steps/s; resets count as steps, as in vector environments.

    Args:
        env: to step.
        calls: steps of a turn.

    Returns:
        A turn that gives steps per second.
    """
    env = gym.wrappers.Autoreset(env)
    (size,) = env.action_space.shape or ()
    actions = random_actions(calls, size)
    env.reset(seed=0)

    def turn() -> float:
        start = time.perf_counter()
        for action in actions:
            env.step(action)
        return calls / (time.perf_counter() - start)

    return turn


def steps_of_many(envs: gym.vector.VectorEnv[Any, Any, Any] | VecEnv, calls: int) -> Turn:
    """Return a turn of a vector environment in environment steps/s.

    Args:
        envs: to step, of either interface.
        calls: steps of a turn, of all together.

    Returns:
        A turn that gives steps per second, of all environments.
    """
    if isinstance(envs, VecEnv):
        space = envs.action_space
        envs.seed(0)
        envs.reset()
    else:
        space = envs.single_action_space
        envs.reset(seed=0)
    (size,) = space.shape or ()
    actions = random_actions(calls, envs.num_envs, size)

    def turn() -> float:
        start = time.perf_counter()
        for action in actions:
            envs.step(action)
        return calls * envs.num_envs / (time.perf_counter() - start)

    return turn
