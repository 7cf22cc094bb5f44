"""What an environment and a vector environment share."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar

import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from synthgym.checks import one_of
from synthgym.envs.episodes import KEYWORDS, Episodes
from synthgym.envs.goal_episodes import GoalEpisodes
from synthgym.envs.inputs import check_keywords
from synthgym.task import SoundMatchingTask

METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}


class Playing:
    """Plays episodes.

    Attributes:
        episodes: where they stand.
        noise_floor: the distance at which equal patches were heard; 0 if the synth is repeatable.
        render_mode: None or ``rgb_array``.
    """

    kind: ClassVar[type[Episodes]] = Episodes
    """The rules."""

    _spec: EnvSpec | None = None

    def _set_up(
        self,
        count: int,
        synth: str,
        render_mode: str | None,
        keywords: Mapping[str, Any],
        *,
        with_audio: bool,
        **rendering: Any,
    ) -> None:
        """Make the episodes; SynthgymError for a keyword that cannot be used.

        Args:
            count: how many play side by side.
            synth: name of the synth.
            render_mode: None or ``rgb_array``.
            keywords: the user's.
            with_audio: whether episodes keep their audio.
            **rendering: ``rendering`` and ``workers`` of the task, if the environment takes them.
        """
        if render_mode is not None:
            one_of("render_mode", render_mode, METADATA["render_modes"])
        check_keywords(synth, keywords, [*KEYWORDS, *rendering, "render_mode"])
        self.episodes = self.kind(count, synth, with_audio=with_audio, **rendering, **keywords)
        self.noise_floor = self.task.noise_floor()
        self.render_mode = render_mode

    @property
    def task(self) -> SoundMatchingTask:
        """What renders, listens, and counts the renders."""
        return self.episodes.task

    @property
    def spec(self) -> EnvSpec | None:
        """The spec it was made from; nondeterministic if the synth was found to be."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = copy(value)
        if self._spec is not None and self.noise_floor > 0:
            self._spec.nondeterministic = True


class PlayingForGoals(Playing):
    """Plays episodes whose rewards follow from goals."""

    kind = GoalEpisodes

    def compute_reward(
        self, achieved_goal: NDArray[np.float32], desired_goal: NDArray[np.float32], info: Any
    ) -> Any:
        """Return the reward of goals (m,) as a float, of goals (B, m) as float64 (B,).

        A pure function of the goals; ``info`` is there for the interface and not read.
        """
        assert isinstance(self.episodes, GoalEpisodes)
        return self.episodes.compute_reward(achieved_goal, desired_goal)
