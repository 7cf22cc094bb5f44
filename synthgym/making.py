"""Tasks by environment id. No environment is made or imported for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synthgym.errors import SynthgymError, UnknownKeywordError
from synthgym.registration import registered
from synthgym.rules import RULES
from synthgym.synths import keywords as synth_keywords
from synthgym.task import SoundMatchingTask

TASK = ("feature", "parameters", "frozen", "patches", "notes_per_target")
"""Keywords of an environment that its task takes, besides those of the synth."""


def check_keywords(synth: str, given: Iterable[str], own: Iterable[str]) -> None:
    """Raise UnknownKeywordError for a keyword that neither an environment nor its synth takes.

    Args:
        synth: the name of the synth.
        given: the names of the keywords that were given.
        own: those that the environment takes besides its synth's.

    Raises:
        UnknownKeywordError: one of ``given`` is neither.
    """
    known = [*synth_keywords(synth), *own]
    for name in given:
        if name not in known:
            raise UnknownKeywordError.of(name, known)


def check_one_note_each(task: SoundMatchingTask, what: str, then: str = "") -> None:
    """Raise SynthgymError if a task has several notes a target, where only one can be used.

    Args:
        task: that is asked for.
        what: cannot use it, as ``a film``.
        then: what comes of leaving them out, for the message.

    Raises:
        SynthgymError: it has several.
    """
    if task.notes_per_target > 1:
        raise SynthgymError(f"{what} is of one note a target; leave notes_per_target out{then}")


def make_task(env_id: str, env_kwargs: Mapping[str, Any] | None = None, **options: Any) -> SoundMatchingTask:
    """Make the task of an environment.

    Args:
        env_id: as ``gym.make`` takes it.
        env_kwargs: keywords of the environment; those of its rules are checked by name and left out.
        **options: of SoundMatchingTask; they go before those of the environment.

    Returns:
        The task, its renderer started; a copy of it renders by itself.

    Raises:
        SynthgymError: the environment is none of ours, or a keyword cannot be used.
    """
    keywords = {**registered(env_id), **(env_kwargs or {})}
    synth = keywords.pop("synth")
    check_keywords(synth, keywords, [*RULES, *TASK, "max_episode_steps"])
    chosen = {name: value for name, value in keywords.items() if name not in (*RULES, "max_episode_steps")}
    return SoundMatchingTask(synth, **{**chosen, **options})
