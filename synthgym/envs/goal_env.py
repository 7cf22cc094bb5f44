"""The goal-conditioned environment, for hindsight experience replay."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.envs.episode import Target
from synthgym.envs.synth_env import SynthEnv
from synthgym.errors import SynthgymError
from synthgym.features import distance


class SynthGoalEnv(SynthEnv):
    """SynthEnv with the target as a goal (Andrychowicz et al. 2017, "Hindsight Experience Replay").

    ## Description
    As SynthEnv, but the distance that rewards and decides success is that of the pooled features,
    so that it can be computed again for any goal from the observation alone:

        observation, reward, *_, info = env.step(action)
        assert reward == env.unwrapped.compute_reward(
            observation["achieved_goal"], observation["desired_goal"], info)

    ## Observation Space
    A `Dict` of `observation` (the n unit parameters), `achieved_goal` (the pooled feature of the
    current sound, m values in [0, 1]) and `desired_goal` (that of the target).

    ## Rewards
    `"distance"` (default) or `"sparse"`, of the pooled features. `info["distance"]` stays the one at
    full resolution, to be compared with other environments; `info["is_success"]` follows the goals.

    ## Episode End
    Never terminates on success (as in Gymnasium-Robotics' Fetch: replayed goals would not agree);
    truncated after 50 steps.

    All else is as in SynthEnv.
    """

    def __init__(self, synth: str, **options: Any) -> None:
        if options.get("reward") == "improvement":
            raise SynthgymError(
                "a goal environment cannot reward improvement, which depends on the step before; "
                "use reward='distance' or 'sparse'"
            )
        super().__init__(synth, **options)

    def _observation_space(self, parameters: int, pooled_size: int) -> gym.Space[Any]:
        return gym.spaces.Dict(
            {
                "observation": gym.spaces.Box(0, 1, (parameters,), np.float32),
                "achieved_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
                "desired_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
            }
        )

    def compute_reward(
        self, achieved_goal: NDArray[np.float32], desired_goal: NDArray[np.float32], info: Any
    ) -> Any:
        """Return the reward of goals (m,) as a float, of goals (B, m) as float64 (B,).

        A pure function of the goals; ``info`` is there for the interface and not read.
        """
        reward = self._reward_of(self._goal_distance(achieved_goal, desired_goal))
        return float(reward[0]) if achieved_goal.ndim == 1 else reward

    def _goal_distance(
        self, achieved: NDArray[np.float32], desired: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        goals = (self._pooled.unscaled(np.atleast_2d(goal)) for goal in (achieved, desired))
        return distance(*goals).astype(np.float64)

    def _judge(self, far: float, pooled: NDArray[np.float32], target: Target) -> float:
        return float(self._goal_distance(pooled, target.pooled)[0])

    def _observe(self) -> Any:
        episode = self._episode
        return {
            "observation": episode.now.unit.copy(),
            "achieved_goal": episode.now.pooled.copy(),
            "desired_goal": episode.target.pooled.copy(),
        }

    def _terminated(self) -> bool:
        return False
