"""The goal-conditioned variant of the environments, for hindsight experience replay."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.checks import floats
from synthgym.envs.base import EnvBase
from synthgym.envs.episodes import ALL, Episodes, Rows
from synthgym.envs.synth_env import SynthEnv
from synthgym.envs.vector_env import SynthVectorEnv
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.rules import Rules


class GoalRules(Rules):
    """The rules of goal-conditioned environments."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reward == "improvement":
            raise SynthgymError(
                "a goal environment cannot reward improvement, which depends on the step before; "
                "use reward='distance' or 'sparse'"
            )
        if self.contrast is not None:
            raise SynthgymError("a goal environment observes goals as they are; leave contrast out")


class GoalEpisodes(Episodes):
    """Episodes whose rewards and success follow from pooled features alone, the goals."""

    def _observation_space(self, state_size: int, pooled_size: int) -> gym.Space[Any]:
        return gym.spaces.Dict(
            {
                "observation": gym.spaces.Box(0, 1, (state_size,), np.float32),
                "achieved_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
                "desired_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
            }
        )

    def goal_distance(
        self, achieved: NDArray[np.float32], desired: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the distances of goals (B, m) as they were observed.

        Args:
            achieved: float32 (B, m), scaled to [0, 1] as in observations.
            desired: the same.

        Returns:
            Float64 (B,) in [0, 1].
        """
        return distance(self.observed.unscaled(achieved), self.observed.unscaled(desired)).astype(np.float64)

    def compute_reward(self, achieved: NDArray[np.float32], desired: NDArray[np.float32]) -> Any:
        """Return the reward of goals (m,) as a float, of goals (B, m) as float64 (B,).

        Args:
            achieved: float32, scaled to [0, 1] as in observations.
            desired: of the same shape; or one of both is (m,), which is compared with each of the other.

        Returns:
            A float, or float64 (B,).
        """
        achieved, desired = (
            floats(name, goals).astype(np.float32)
            for name, goals in (("achieved_goal", achieved), ("desired_goal", desired))
        )
        if not achieved.size:
            return np.zeros(0)
        size = self.observed.size
        counts = {len(goals) for goals in (achieved, desired) if goals.ndim == 2}
        if len(counts) > 1 or any(
            goals.ndim not in (1, 2) or goals.shape[-1] != size for goals in (achieved, desired)
        ):
            raise SynthgymError(
                f"goals are of {size} values, ({size},) or as many times (B, {size}); "
                f"got shapes {achieved.shape} and {desired.shape}"
            )
        reward = self.reward_of(self.goal_distance(np.atleast_2d(achieved), np.atleast_2d(desired)))
        return reward if counts else float(reward[0])

    def _judge(
        self, rows: NDArray[np.int64], pooled: NDArray[np.float32], far: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        return self.goal_distance(pooled, self._pooled_target[rows])

    def observe(self, rows: Rows = ALL) -> Any:
        """Return fresh observations of rows."""
        return {
            "observation": self._state(rows),
            "achieved_goal": self._pooled[rows].copy(),
            "desired_goal": self._pooled_target[rows].copy(),
        }

    def terminated(self) -> NDArray[np.bool_]:
        """Return that no episode ends on success: replayed goals would not agree."""
        return np.zeros(len(self.unit), np.bool_)


class GoalEnvBase(EnvBase):
    """What both goal-conditioned environments share: rewards that follow from goals."""

    kinds = GoalRules, GoalEpisodes

    def compute_reward(
        self, achieved_goal: NDArray[np.float32], desired_goal: NDArray[np.float32], info: Any
    ) -> Any:
        """Return the reward of goals (m,) as a float, of goals (B, m) as float64 (B,).

        A pure function of the goals; ``info`` is there for the interface and not read.

        Args:
            achieved_goal: float32, as observed.
            desired_goal: of the same shape.
            info: anything.

        Returns:
            A float, or float64 (B,).
        """
        assert isinstance(self.episodes, GoalEpisodes)
        return self.episodes.compute_reward(achieved_goal, desired_goal)


class SynthGoalEnv(GoalEnvBase, SynthEnv):
    """SynthEnv with the target as a goal (Andrychowicz et al. 2017, "Hindsight Experience Replay").

    ## Description
    As SynthEnv, but the distance that rewards and decides success is that of the pooled features,
    so that it can be computed again for any goal from the observation alone:

        observation, reward, *_, info = env.step(action)
        assert reward == env.unwrapped.compute_reward(
            observation["achieved_goal"], observation["desired_goal"], info)

    ## Observation Space
    A `Dict` of `observation` (the n unit parameters, and what varies of the notes), `achieved_goal` (the
    pooled feature of the current sound, m values in [0, 1]) and `desired_goal` (that of the target).

    ## Rewards
    `"distance"` (default) or `"sparse"`, of the pooled features. `info["distance"]` stays the one at
    full resolution, to be compared with other environments; `info["is_success"]` follows the goals.

    ## Episode End
    Never terminates on success (as in Gymnasium-Robotics' Fetch: replayed goals would not agree);
    truncated after 50 steps.

    All else is as in SynthEnv.
    """


class SynthGoalVectorEnv(GoalEnvBase, SynthVectorEnv):
    """As SynthVectorEnv, of SynthGoalEnv."""
