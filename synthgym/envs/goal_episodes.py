"""Episodes of goal-conditioned environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.envs.episodes import ALL, Episodes, Rows
from synthgym.features import distance


class GoalEpisodes(Episodes):
    """Episodes whose rewards and success follow from pooled features alone, the goals."""

    def _observation_space(self, parameters: int, pooled_size: int) -> gym.Space[Any]:
        return gym.spaces.Dict(
            {
                "observation": gym.spaces.Box(0, 1, (parameters,), np.float32),
                "achieved_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
                "desired_goal": gym.spaces.Box(0, 1, (pooled_size,), np.float32),
            }
        )

    def goal_distance(
        self, achieved: NDArray[np.float32], desired: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the distances of goals (B, m) as they were observed."""
        return distance(self.observed.unscaled(achieved), self.observed.unscaled(desired)).astype(np.float64)

    def compute_reward(self, achieved: NDArray[np.float32], desired: NDArray[np.float32]) -> Any:
        """Return the reward of goals (m,) as a float, of goals (B, m) as float64 (B,)."""
        reward = self.reward_of(self.goal_distance(np.atleast_2d(achieved), np.atleast_2d(desired)))
        return float(reward[0]) if achieved.ndim == 1 else reward

    def _judge(self, rows: Rows) -> NDArray[np.float64]:
        return self.goal_distance(self._pooled[rows], self._pooled_target[rows])

    def observe(self, rows: Rows = ALL) -> Any:
        """Return fresh observations of rows."""
        return {
            "observation": self.unit[rows].copy(),
            "achieved_goal": self._pooled[rows].copy(),
            "desired_goal": self._pooled_target[rows].copy(),
        }

    def terminated(self) -> NDArray[np.bool_]:
        """Return that no episode ends on success: replayed goals would not agree."""
        return np.zeros(len(self.unit), np.bool_)
