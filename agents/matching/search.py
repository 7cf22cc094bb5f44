"""How a recording is searched for: by whom, from where, for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..catalogue import Sources, parse, prepare
from ..spec import AgentSpec
from ..trials.agent import Agent, Refined, run
from ..trials.answers import Answer, Answers
from ..trials.pool import MOST_STARTS, DrawnPool, Pool, known_starts
from ..trials.signals import Signals
from ..trials.trial import Trial, middle_of
from ..trials.watched import WatchedTrial
from .octaves import voices_at_hand, voices_of
from .voices import Voices, are_quick

MOST = 10**9
"""Renders: the budget of a search that time ends."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is done for each recording.

    Attributes:
        agent: that searches.
        sources: what it may be prepared from.
        budget: renders it may spend.
        seconds: that it may take.
        seed: of the starts and of all that is random.
        top: how many answers are wanted.
        start: a preset to begin with.
        voices: id of the environment whose human-like voices are its starts, if the synth knows any and
            renders them in no time; otherwise, and for None, they are the default patch, presets, and random
            patches, drawn while the search goes on.
        at_hand: whether it begins at once with voices of another octave, or without any, if those of its own
            are to be rendered first; they are rendered beside it then, for the next search.
        instead: the agent that searches where the first cannot be made ready.
    """

    agent: AgentSpec = field(default_factory=lambda: parse("halving"))
    sources: Sources = field(default_factory=Sources)
    budget: int = MOST
    seconds: float | None = None
    seed: int = 0
    top: int = 1
    start: Path | None = None
    voices: str | None = None
    at_hand: bool = False
    instead: AgentSpec | None = None

    def about(self, recording: Path, env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return what it does for a recording, as JSON.

        Args:
            recording: the file.
            env_id: of the environment.
            env_kwargs: its keywords.

        Returns:
            Names and plain values; a budget without a limit is None.
        """
        return {
            "target": str(recording),
            "env": env_id,
            "env_kwargs": dict(env_kwargs),
            "agent": str(self.agent),
            "start": None if self.start is None else str(self.start),
            "seed": self.seed,
            "budget": None if self.budget == MOST else self.budget,
            "seconds": self.seconds,
        }

    def prepare(self, task: SoundMatchingTask) -> Agent:
        """Make the agent ready; SynthgymError if there is none such, or no such preset to start with."""
        agent = prepare(self.agent, task, self.sources)
        return agent if self.start is None else Refined(Known(preset(task, self.start)), agent)

    def trial(
        self,
        task: SoundMatchingTask,
        target: Audio,
        signals: Signals,
        on_nearer: Callable[[Answer], None] | None = None,
        *,
        with_bar: bool = True,
        played: Notes | None = None,
    ) -> WatchedTrial:
        """Return the trial of a target clip (samples,), which an agent may search; close it in the end.

        Args:
            task: renders.
            target: the clip; of several notes a target, their clips (k, samples).
            signals: that may end it.
            on_nearer: called with the nearest answer when there is a nearer one, once a second at most.
            with_bar: whether a progress bar is shown.
            played: those notes, (k, 3) (default: the task's one note).

        Returns:
            The trial; nothing is rendered yet.
        """
        return WatchedTrial(
            task,
            task.extract(target[None]),
            self.budget,
            self._pool(task, target, played),
            np.random.default_rng(self.seed),
            played,
            signals=signals,
            seconds=self.seconds,
            answers=Answers(self.top),
            on_nearer=on_nearer,
            with_bar=with_bar,
        )

    def run(
        self,
        task: SoundMatchingTask,
        target: Audio,
        agent: Agent,
        on_nearer: Callable[[Answer], None] | None = None,
        played: Notes | None = None,
    ) -> WatchedTrial:
        """Let an agent search for a target clip (samples,) until it ends, or Ctrl-C.

        Args:
            task: renders.
            target: the clip; of several notes a target, their clips (k, samples).
            agent: that searches.
            on_nearer: called with the nearest answer when there is a nearer one, once a second at most.
            played: those notes, (k, 3) (default: the task's one note).

        Returns:
            The trial at its end, with at least one answer.

        Raises:
            SynthgymError: no sound was found: all renders failed or were silent.
            KeyboardInterrupt: it was ended before there was any.
        """
        with (
            Signals() as signals,
            closing(self.trial(task, target, signals, on_nearer, played=played)) as trial,
        ):
            run(agent, trial)
        if not trial.answers.best:
            if signals.caught is not None:
                raise KeyboardInterrupt
            raise why_none(trial) or SynthgymError(f"{self.agent} found no sound; choose another --agent")
        return trial

    def has_voices(self, task: SoundMatchingTask) -> bool:
        """Return whether it begins with voices of a data set."""
        return self.voices is not None and task.synth.has_prior and are_quick(self.voices)

    def voices_for(self, task: SoundMatchingTask, played: Notes | None = None) -> Voices | None:
        """Return the voices that it begins with, which may have to be rendered first; None if there are none.

        Args:
            task: renders.
            played: the notes of a target of several, (k, 3) (default: the task's one note).

        Returns:
            Those at about the note, of several at about the middle one, or what is ``at_hand``.
        """
        if self.voices is None or not self.has_voices(task):
            return None
        _, note = _middle(task, played)
        look_up = voices_at_hand if self.at_hand else voices_of
        return look_up(self.voices, task.synth.sample_rate, note)

    def _pool(self, task: SoundMatchingTask, target: Audio, played: Notes | None) -> Pool:
        voices = self.voices_for(task, played)
        if voices is None:
            return DrawnPool(task, self.seed, self.budget, known_starts(task))
        middle, note = _middle(task, played)
        near = voices.nearest(task, target if played is None else target[middle], note, MOST_STARTS)
        renders = np.zeros(len(near), np.int64)
        renders[0] = voices.renders  # known as soon as one of them is
        return Pool(near, renders)


def _middle(task: SoundMatchingTask, played: Notes | None) -> tuple[int, int]:
    """Return place and pitch of the middle one of the notes (k, 3) of a target, or of its one note."""
    notes = task.note.rows(1) if played is None else played
    middle = middle_of(notes)
    return middle, int(notes[middle, 0])


def why_none(trial: Trial) -> SynthgymError | None:
    """Return why a trial has found no sound, if that is known."""
    return trial.pool.failure if isinstance(trial.pool, DrawnPool) else None


class Known(Agent):
    """Renders patches that are known beforehand.

    Args:
        unit: the unit vector of one (n,), or of several (K, n).
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = np.atleast_2d(unit)

    def search(self, trial: Trial) -> None:
        """Render them."""
        trial(self._unit)


def preset(task: SoundMatchingTask, path: Path) -> Unit:
    """Return the unit vector (n,) of a preset.

    Args:
        task: whose parameters they are.
        path: the file of one preset.

    Returns:
        Float32 in [0, 1].

    Raises:
        PresetError: it is missing, or none of the synth.
        SynthgymError: it sets what the environment does not.
    """
    native = task.synth.load_preset(path)
    unit = task.space.to_unit(native)
    kept = task.space.to_native(unit)
    for parameter, value, held in zip(task.space.parameters, native, kept, strict=True):
        if parameter.name in task.space.frozen and value != held:
            raise SynthgymError(
                f"{path} sets {parameter.name} to {parameter.text(value)}, which is held at "
                f"{parameter.text(held)}; choose an --env in which it is free, as Dexed6Op-v0 for DX7 voices"
            )
    return unit
