"""Many environments as one: a step renders all of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs_registry import MAX_EPISODE_STEPS
from synthgym.checks import one_of, whole
from synthgym.envs.base import METADATA, EnvBase
from synthgym.envs.episodes import ALL
from synthgym.envs.inputs import NOTHING, Given, checked_actions, given
from synthgym.errors import SynthgymError, quoted
from synthgym.parameters import Unit
from synthgym.rendering import Rendering, usable_cores
from synthgym.synths import Audio

ENDLESS = 10**9
"""Steps: the longest limit there is, and more than anybody takes."""


class SynthVectorEnv(EnvBase, VectorEnv[Any, NDArray[np.float32], NDArray[Any]]):
    """What ``gym.make_vec`` makes: ``num_envs`` SynthEnv, stepped together.

    What ``reset`` and ``step`` return is what ``gymnasium.vector.SyncVectorEnv`` of as many SynthEnv
    returns, over whole rollouts: sub-environment i of ``reset(seed=s)`` has seed s + i.

    Args:
        synth: name of the synth.
        num_envs: how many environments.
        max_episode_steps: after which an episode is truncated; -1, as in Gymnasium, for no limit.
        autoreset_mode: ``AutoresetMode.NEXT_STEP`` (default), ``SAME_STEP``, or ``DISABLED``: episodes that
            are over are reset by the caller, with ``options["reset_mask"]``.
        rendering: who renders: ``auto`` (what suits the synth), ``inline``, ``threads``, ``processes``,
            ``cuda`` (a GPU).
        workers: how many render side by side (default: one for each core).
        render_mode: None or ``rgb_array``.
        **keywords: of SynthEnv.

    Raises:
        SynthgymError: a keyword, option or action that cannot be used.
    """

    def __init__(
        self,
        synth: str,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = MAX_EPISODE_STEPS,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        rendering: Rendering = "auto",
        workers: int | None = None,
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        self.num_envs = whole("num_envs", num_envs, 1, 65536)
        self.closed = True  # nothing has to be let go where a keyword is refused
        if max_episode_steps is None:  # which is what is registered, as of gym.make
            max_episode_steps = MAX_EPISODE_STEPS
        endless = max_episode_steps == -1 and not isinstance(max_episode_steps, bool)
        self._most_steps = ENDLESS if endless else whole("max_episode_steps", max_episode_steps, 1, ENDLESS)
        mode = getattr(autoreset_mode, "value", autoreset_mode)
        one_of("autoreset_mode", mode, [known.value for known in AutoresetMode])
        one_of("rendering", rendering, ("auto", "inline", "threads", "processes", "cuda"))
        workers = min(usable_cores(), num_envs) if workers is None else workers
        how = {"rendering": rendering, "workers": workers}
        self._set_up(num_envs, synth, render_mode, keywords, with_audio=False, **how)
        self.closed = False
        self.autoreset_mode = AutoresetMode(mode)
        self.metadata = {**METADATA, "autoreset_mode": self.autoreset_mode}
        self.single_action_space = self.episodes.action_space
        self.single_observation_space = self.episodes.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._steps = np.zeros(num_envs, np.int64)
        self._done = np.zeros(num_envs, np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all environments, or in those of ``options["reset_mask"]``, (num_envs,) bool.

        All other options are as in SynthEnv, and hold for every environment.

        Args:
            seed: of the first environment, those after it have the next ones; or one of each; None goes on.
            options: what the episodes begin with, by name.

        Returns:
            The observations of all environments, and an ``info`` of arrays (num_envs,).

        Raises:
            SynthgymError: as in SynthEnv; or seeds or a mask of another length.
            ClosedEnvironmentError: after ``close``.
        """
        self._check_open()
        mask = None
        if isinstance(options, Mapping):
            options = dict(options)
            mask = options.pop("reset_mask", None)
        chosen, mask, seeds = given(self.task, options), self._mask(mask), self._seeds(seed)
        rows = np.flatnonzero(mask).tolist()
        with self.streams.unless_it_fails():
            for row in rows:
                if seeds[row] is not None or not self.streams.seeded(row):
                    self.streams.seed(row, seeding.np_random(seeds[row])[1])
            self._begin(rows, chosen)
        return self.episodes.observe(), self._info(mask)

    def _check_open(self) -> None:
        if self.closed:
            raise ClosedEnvironmentError("the environment is closed; make another")

    def _check_begun(self) -> None:
        self._check_open()
        if not all(map(self.streams.begun, range(self.num_envs))):
            raise SynthgymError("call reset() first")

    def _begin(self, rows: Sequence[int], given: Given = NOTHING) -> None:
        super()._begin(rows, given)
        self._steps[rows] = 0
        self._done[rows] = False

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, (int, np.integer)):
            return range(int(seed), int(seed) + self.num_envs)
        each = np.asarray(seed, object)
        if each.shape != (self.num_envs,):
            raise SynthgymError(f"give one seed, or one for each of {self.num_envs}; got {quoted(seed)}")
        return [int(one) if isinstance(one, np.integer) else one for one in each.tolist()]

    def _mask(self, mask: Any) -> NDArray[np.bool_]:
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        chosen: NDArray[np.bool_] = np.asarray(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_ or not chosen.any():
            raise SynthgymError(f"reset_mask is {self.num_envs} bools, some of them True; got {quoted(mask)}")
        return chosen

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Step every environment; one whose episode ended begins the next, as ``autoreset_mode`` says.

        Raises:
            ActionError: the actions are not (num_envs, n) finite values.
            ClosedEnvironmentError: after ``close``.
            SynthgymError: before ``reset``, or where an episode is over and none is begun by itself.
        """
        self._check_begun()
        episodes = self.episodes
        if self.autoreset_mode == AutoresetMode.DISABLED and self._done.any():
            raise SynthgymError(
                f"the episode of environment {int(self._done.argmax())} is over; call reset() with "
                "options={'reset_mask': terminated | truncated} first"
            )
        nudges = checked_actions(actions, self.episodes.unit.shape)
        going_on = ~self._done
        rewards = np.zeros(self.num_envs)
        if going_on.all():
            rewards[:] = episodes.nudge(ALL, nudges)
        else:
            # They come first: where none can be begun, nothing has moved.
            self._begin(np.flatnonzero(self._done).tolist())
            rows = np.flatnonzero(going_on).tolist()
            if rows:
                rewards[rows] = episodes.nudge(rows, nudges[rows])
        self._steps[going_on] += 1
        terminated = episodes.terminated() & going_on
        truncated = (self._steps >= self._most_steps) & going_on
        self._done = terminated | truncated
        infos: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._done.any():
            infos = self._final(self._done)
            self._begin(np.flatnonzero(self._done).tolist())
        infos.update(self._info(np.ones(self.num_envs, np.bool_)))
        return episodes.observe(), rewards, terminated, truncated, infos

    def _final(self, done: NDArray[np.bool_]) -> dict[str, Any]:
        """Return what SyncVectorEnv says of episodes that end and begin in the same step."""
        observations = self.episodes.observe()
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(done):
            if isinstance(observations, dict):
                last[row] = {name: values[row] for name, values in observations.items()}
            else:
                last[row] = observations[row]
        return {
            "final_obs": last,
            "_final_obs": done.copy(),
            "final_info": self._info(done),
            "_final_info": done.copy(),
        }

    def _info(self, mask: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the infos of some environments as SyncVectorEnv does: zeros for the others, and the mask."""
        infos: dict[str, Any] = {}
        for name, values in self.episodes.info().items():
            infos[name] = np.where(mask, values, np.zeros_like(values))
            infos[f"_{name}"] = mask.copy()
        return infos

    def close_extras(self, **kwargs: Any) -> None:
        """Let the engine and the workers go."""
        self.task.close()

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture of target and current feature for every environment; None without a mode."""
        if self.render_mode is None:
            return None
        self._check_begun()
        return tuple(self._pictures())

    @property
    def np_random_seed(self) -> tuple[int | None, ...]:  # type: ignore[override]
        """The seed of each environment, as of SyncVectorEnv; None before its first ``reset``."""
        return self.streams.seeds()

    @property
    def parameters(self) -> Unit:
        """Unit values of the free parameters now, unquantised, (num_envs, n)."""
        self._check_begun()
        return self.episodes.unit.copy()

    @property
    def best_parameters(self) -> Unit:
        """Unit values of the best sounds of the episodes, (num_envs, n)."""
        self._check_begun()
        return self.episodes.best_unit.copy()

    @property
    def audio(self) -> Audio:
        """The sounds of now, (num_envs, samples); rendered again, as steps do not keep them."""
        audio = self.task.render(self.parameters, self.episodes.notes, audio=True).audio
        assert audio is not None
        return audio
