"""The native vector environment as stable-baselines3 wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from synthgym.envs import SynthVectorEnv
from synthgym.errors import SynthgymError
from synthgym.registration import registered, spec_of

BATCHED = ("parameters", "best_parameters", "audio")
"""Attributes that hold one value for each environment."""


class SynthVecEnv(VecEnv):
    """A VecEnv over a SynthVectorEnv; wrap it as any other (VecMonitor, VecNormalize).

    Args:
        env_id: environment id.
        num_envs: environments side by side.
        **keywords: of the vector environment.

    Raises:
        SynthgymError: the id is none of ours.
    """

    def __init__(self, env_id: str, num_envs: int, **keywords: Any) -> None:
        registered(env_id)
        if spec_of(env_id).vector_entry_point is None:
            raise SynthgymError(
                f"{env_id} has no vector environment; register it by synthgym.register, or with "
                "vector_entry_point='synthgym.envs:SynthVectorEnv'"
            )
        envs = gym.make_vec(env_id, num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **keywords).unwrapped
        if not isinstance(envs, SynthVectorEnv):
            raise SynthgymError(f"{env_id} has no vector environment of synthgym's")
        self.envs = envs
        super().__init__(num_envs, envs.single_observation_space, envs.single_action_space)

    def seed(self, seed: int | Sequence[int] | None = None) -> Sequence[int | None]:
        """Set the seeds of the next reset: of the first environment (the others follow), or of each."""
        if seed is None or isinstance(seed, (int, np.integer)):
            return super().seed(seed)
        if len(seed) != self.num_envs:
            raise SynthgymError(f"give one seed, or one for each of {self.num_envs}; got {len(seed)}")
        self._seeds = list(seed)
        return self._seeds

    def reset(self) -> Any:
        """Begin episodes with the seeds and options that were set."""
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        if not any(self._options):
            observations, infos = self.envs.reset(seed=seeds)
            self.reset_infos = _by_row(infos, self.num_envs)
        else:
            if len(self._options) != self.num_envs:
                raise SynthgymError(
                    f"give options for each of {self.num_envs} environments; got {len(self._options)}"
                )
            for row, options in enumerate(self._options):
                mask = np.arange(self.num_envs) == row
                observations, infos = self.envs.reset(
                    seed=seeds, options={**(options or {}), "reset_mask": mask}
                )
                self.reset_infos[row] = _by_row(infos, self.num_envs)[row]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Take the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step; the infos of episodes that end are those of their last step."""
        observations, rewards, terminated, truncated, infos = self.envs.step(self._actions)
        dones = terminated | truncated
        by_row = _by_row(infos, self.num_envs)
        if dones.any():
            last = _by_row(infos["final_info"], self.num_envs)
            for row in np.flatnonzero(dones):
                self.reset_infos[row] = by_row[row]
                by_row[row] = {**last[row], "terminal_observation": infos["final_obs"][row]}
        for info, timed_out in zip(by_row, (truncated & ~terminated).tolist(), strict=True):
            info["TimeLimit.truncated"] = timed_out
        return observations, rewards.astype(np.float32), dones, by_row

    def close(self) -> None:
        """Let the engine and the workers go."""
        self.envs.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return the picture of every environment."""
        return self.envs.render() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute for each environment: its own, or that of all together.

        Args:
            attr_name: its name.
            indices: an index, or several (default: all environments).

        Returns:
            One value an index.
        """
        # The spaces of one environment, as stable-baselines3 sees them.
        value = getattr(self.envs, f"single_{attr_name}" if attr_name.endswith("_space") else attr_name)
        rows = list(self._get_indices(indices))
        return [value[row] for row in rows] if attr_name in BATCHED else [value] * len(rows)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all environments together; SynthgymError for some of them.

        Args:
            attr_name: its name.
            value: of the attribute.
            indices: None, or those of all environments.
        """
        if len(list(self._get_indices(indices))) < self.num_envs:
            raise SynthgymError(f"{attr_name} can be set for all environments together only")
        setattr(self.envs, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of all environments together, once, and return its result for each index.

        Args:
            method_name: its name.
            *method_args: of the call.
            indices: an index, or several (default: all environments).
            **method_kwargs: of the call.

        Returns:
            The same result for each index.

        Raises:
            SynthgymError: ``reset`` and ``step``, which would be of all environments, not of those asked.
        """
        if method_name in ("reset", "step"):
            raise SynthgymError(f"call {method_name}() of the vector environment itself")
        result = getattr(self.envs, method_name)(*method_args, **method_kwargs)
        return [result] * len(list(self._get_indices(indices)))

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        """Return that no environment is wrapped.

        Args:
            wrapper_class: any.
            indices: an index, or several (default: all environments).

        Returns:
            False for each index.
        """
        return [False] * len(list(self._get_indices(indices)))


def _by_row(infos: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return a dict of Python scalars for each environment."""
    columns = {
        name: values.tolist() for name, values in infos.items() if not name.startswith(("_", "final_"))
    }
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]
