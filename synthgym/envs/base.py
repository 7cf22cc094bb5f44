"""What an environment and a vector environment share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from synthgym.checks import one_of
from synthgym.envs.episodes import Episodes
from synthgym.envs.inputs import NOTHING, Given
from synthgym.envs.streams import EpisodeStreams
from synthgym.features import distance
from synthgym.making import TASK, check_keywords
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.patches import notes_of
from synthgym.rendering import Rendered
from synthgym.rules import RULES, Rules
from synthgym.task import SoundMatchingTask

METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}


class EnvBase:
    """What SynthEnv and SynthVectorEnv share: a task, episodes, and their random targets and starts.

    Attributes:
        task: renders, extracts features, and counts the renders.
        episodes: their state.
        streams: their random targets and starts.
        noise_floor: the greatest distance between renders of one patch; 0 if the synth is repeatable.
        render_mode: None or ``rgb_array``.
        starter: finds where episodes start, in place of random patches: for the sounds of B targets and their
            notes (B, 3), or (B, k, 3), it returns unit vectors (B, n), and how many renders each cost, (B,).
    """

    starter: Callable[[Rendered, Notes], tuple[Unit, NDArray[np.int64]]] | None = None

    kinds: ClassVar[tuple[type[Rules], type[Episodes]]] = Rules, Episodes

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
            count: how many episodes go on side by side.
            synth: name of the synth.
            render_mode: None or ``rgb_array``.
            keywords: the user's.
            with_audio: whether episodes keep their audio.
            **rendering: ``rendering`` and ``workers`` of the task, if the environment takes them.
        """
        if render_mode is not None:
            one_of("render_mode", render_mode, METADATA["render_modes"])
        check_keywords(synth, keywords, [*RULES, *TASK, *rendering, "render_mode"])
        rules, episodes = self.kinds
        env_rules = rules(**{name: value for name, value in keywords.items() if name in RULES})
        others = {name: value for name, value in keywords.items() if name not in RULES}
        self.task = SoundMatchingTask(synth, **rendering, **others)
        self.episodes = episodes(count, env_rules, self.task, with_audio=with_audio)
        self.streams = EpisodeStreams(count, env_rules.targets)
        self.noise_floor = self.task.noise_floor()
        self.render_mode = render_mode

    def _begin(self, rows: Sequence[int], given: Given = NOTHING) -> None:
        """Begin the next episodes of rows.

        Args:
            rows: distinct.
            given: by the caller of ``reset``; what is not are the next patches of the streams.
        """
        task, with_audio = self.task, self.episodes.with_audio
        renders: NDArray[np.int64] | None = None
        ids, target = self.streams.targets(rows), given.target
        notes = given.over(notes_of(ids, task.note, task.notes_per_target))
        if target is None:
            target = task.make_patches(ids, notes, audio=with_audio).rendered
        if given.start is not None:
            start = np.repeat(given.start, len(rows), axis=0)
            rendered = task.render(start, notes, audio=with_audio)
        elif self.starter is not None:
            one = len(target.features[0]) == 1
            start, made = self.starter(target.rows([0] * len(rows)) if one else target, notes)
            rendered, renders = task.render(start, notes, audio=with_audio), made + task.notes_per_target
        else:
            start, rendered, renders = self._nearest_starts(rows, target, notes)
        # Nothing can fail from here.
        self.streams.advance(rows)
        self.episodes.begin(rows, target, notes, start, rendered, renders)

    def _nearest_starts(
        self, rows: Sequence[int], target: Rendered, notes: Notes
    ) -> tuple[Unit, Rendered, NDArray[np.int64]]:
        """Return the starts (rows, n) of the next episodes, their sounds, and how many were made for each.

        An episode starts at the one of its ``starts`` random patches that is nearest to its target.
        """
        many, with_audio = self.episodes.rules.starts, self.episodes.with_audio
        ids, repeated = self.streams.starts(rows, many), np.repeat(notes, many, axis=0)
        patches = self.task.make_patches(ids, repeated, audio=with_audio)
        aims = target.features[0]
        aims = np.repeat(aims, many * len(rows) // len(aims), axis=0)
        far = distance(patches.rendered.features[0], aims).reshape(len(rows), many)
        nearest = np.arange(len(rows)) * many + far.argmin(axis=1)
        # Those of all starts count, as their renders do.
        failures = tuple((row // many, said) for row, said in patches.rendered.failures)
        rendered = replace(patches.rendered.rows(nearest), failures=failures)
        return patches.unit[nearest], rendered, patches.renders.reshape(len(rows), many).sum(axis=1)

    def _pictures(self) -> list[NDArray[np.uint8]]:
        """Return a picture (height, width, 3) of target and current feature for every episode.

        Of several notes a target, these are one after the other.
        """
        from synthgym.viz.spectrogram import side_by_side  # Matplotlib only for those who look

        episodes, feature = self.episodes, self.task.feature
        seconds, bins = self.task.note.duration * self.task.notes_per_target, feature.shape[-1]
        rows = zip(episodes.target, episodes.features, episodes.distance, strict=True)
        return [
            side_by_side(feature, target.reshape(-1, bins), now.reshape(-1, bins), far, seconds)
            for target, now, far in rows
        ]

    @property
    def spec(self) -> EnvSpec | None:
        """The spec it was made from; nondeterministic if the synth is not bound to repeat itself."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = copy(value)
        if self._spec is not None and not self.task.synth.repeatable:
            self._spec.nondeterministic = True
