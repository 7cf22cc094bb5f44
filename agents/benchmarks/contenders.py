"""The vector environments that are compared with each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3.common.vec_env import SubprocVecEnv

from ..rl.vec_env import SynthVecEnv


def _workers(env_id: str, num_envs: int) -> list[Callable[[], gym.Env[Any, Any]]]:
    # With the module before the colon, worker processes find the id.
    return [partial(gym.make, f"synthgym:{env_id}")] * num_envs


CONTENDERS: dict[str, Callable[[str, int], Any]] = {
    # Those with processes of their own come first, so that none is forked from a thread's midst.
    "AsyncVectorEnv": lambda env_id, num_envs: AsyncVectorEnv(_workers(env_id, num_envs)),
    "SubprocVecEnv": lambda env_id, num_envs: SubprocVecEnv(_workers(env_id, num_envs)),
    "make_vec": lambda env_id, num_envs: gym.make_vec(f"synthgym:{env_id}", num_envs),
    "SynthVecEnv": lambda env_id, num_envs: SynthVecEnv(env_id, num_envs),
}
"""How to make each, of an id and a number of environments."""
