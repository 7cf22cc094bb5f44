"""A rollout, as an environment of stable-baselines3."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .config import TrainerConfig
from .rollout import kept_parts

Observation = Any
"""Arrays or tensors by name: stable-baselines3's types are wider than what is observed here."""


class RolloutVecEnv(VecEnv):
    """A rollout as a vector environment: B targets side by side, a render for each at every step.

    The reward is minus the distance. (A reward for the gain alone, which is zero where nothing changes,
    taught the policy to leave what was good as it is.)

    Args:
        task: renders.
        config: of targets, rounds and candidates.

    Attributes:
        features: of the targets (B, frames, bins); to be set before a reset.
        notes: that they play (B, 3); likewise.
        rng: of all that is random; likewise.
        best: distances of the best so far (B,).
    """

    features: Features
    notes: Notes
    rng: np.random.Generator
    render_mode = None

    def __init__(self, task: SoundMatchingTask, config: TrainerConfig) -> None:
        self._task, self._whole = task, config.candidates
        self._steps = config.candidates * config.rounds
        n = len(task.space)
        of_patch = gym.spaces.Box(0, 1, (n,), np.float32)
        observed: dict[str, gym.Space[Any]] = {
            "feature": gym.spaces.Box(-np.inf, np.inf, task.feature.shape, np.float32),
            "notes": gym.spaces.Box(0, np.inf, (3,), np.float64),
            "best": of_patch,
            "known": of_patch,
            "seen": of_patch,
            "so_far": gym.spaces.Box(0, 1, (2,), np.float32),
        }
        super().__init__(config.targets, gym.spaces.Dict(observed), of_patch)

    def reset(self) -> Observation:
        """Begin a rollout."""
        self._step = 0
        self.best = np.ones(self.num_envs)
        assert self.action_space.shape is not None
        self._unit: Unit = np.zeros((self.num_envs, *self.action_space.shape), np.float32)
        return self._observe()

    def _observe(self) -> Observation:
        """Return what the policy sees.

        It sees the best so far and which of its values are kept (``known``). ``seen`` are the values that the
        log-probability of a sample is conditioned on: the known ones and a random part of the others, which
        is never all of them.
        """
        shape, rng = self._unit.shape, self.rng
        count, n = len(self._unit), self._unit.shape[1]
        parts = self._step >= self._whole
        known = kept_parts(count, n, rng) if parts else np.zeros(shape, np.bool_)
        seen = known | (rng.random(shape) < rng.random((count, 1)))
        seen[np.arange(count), np.where(known, -1, rng.random(shape)).argmax(axis=1)] = False
        done = np.full(count, self._step / self._steps)
        return {
            "feature": self.features,
            "notes": self.notes,
            "best": self._unit.copy(),
            "known": known.astype(np.float32),
            "seen": seen.astype(np.float32),
            "so_far": np.stack([self.best, done], axis=1).astype(np.float32),
        }

    def step_async(self, actions: np.ndarray) -> None:
        """Take the samples."""
        self._actions = actions

    def step_wait(self) -> tuple[Observation, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Render them."""
        distances = distance(self._task.render(self._actions, self.notes).features[0], self.features)
        # A first patch counts even if it shares nothing with its target: parts of it can be sampled again.
        better = (distances < self.best) | (self._step == 0)
        self._unit[better], self.best[better] = self._actions[better], distances[better]
        self._step += 1
        over = np.full(len(distances), self._step == self._steps)
        return self._observe(), -distances.astype(np.float32), over, [{} for _ in distances]

    def close(self) -> None:
        """Do nothing: the task belongs to the trainer."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the rollout, for each target.

        Args:
            attr_name: its name.
            indices: an index, or several (default: all targets).

        Returns:
            The same value for each index.
        """
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Raise SynthgymError: a rollout is one for all its targets.

        Args:
            attr_name: its name.
            value: any.
            indices: any.
        """
        raise SynthgymError(f"{attr_name} cannot be set: a rollout is one for all its targets")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Raise SynthgymError, likewise.

        Args:
            method_name: its name.
            *args: any.
            indices: any.
            **kwargs: any.

        Returns:
            Nothing, as it always raises.
        """
        raise SynthgymError(f"{method_name} cannot be called: a rollout is one for all its targets")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return False for each: no environment is wrapped.

        Args:
            wrapper_class: any.
            indices: an index, or several (default: all targets).

        Returns:
            False for each index.
        """
        return [False] * len(list(self._get_indices(indices)))
