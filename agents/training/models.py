"""Models that were trained: where they come from, and which of them searches in a trial."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, whole
from synthgym.errors import SynthgymError
from synthgym.notes import Note
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.settings import check_same_settings
from synthgym.task import SoundMatchingTask

from ..trials.agent import Agent
from ..trials.trial import Trial

OF_ANY_SYNTH = "transformer"
"""The agent whose network is no synthesiser's own."""
SHARED = ("feature", "note", "velocity", "hold", "duration")
"""Keywords of an environment that do not depend on which it is, and that such a network has learned."""


def read_counts(kept: Mapping[str, Any], *names: str) -> list[int]:
    """Return how many steps or renders a model counts, as they were kept with it.

    Args:
        kept: with the model.
        names: of the counts.

    Returns:
        One whole number, 0 or more, for each name.

    Raises:
        KeyError: one is missing.
        SynthgymError: one is no such number.
    """
    return [whole(name, kept[name], 0, 2**53) for name in names]


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        env: id of the environment it was trained on.
        env_kwargs: its keywords.
        feature: name of the feature that it sees.
        identity: of the task, see ``SoundMatchingTask.identity``.
    """

    env: str
    env_kwargs: dict[str, Any]
    feature: str
    identity: dict[str, Any]

    @classmethod
    def of(cls, task: SoundMatchingTask, env: str, env_kwargs: Mapping[str, Any]) -> Self:
        """Return the origin of a model that is trained on a task now.

        Args:
            task: whose feature and identity are kept.
            env: the id of its environment.
            env_kwargs: keywords of the environment.

        Returns:
            The origin.
        """
        return cls(env, dict(env_kwargs), task.feature_name, task.identity())

    @classmethod
    def read(cls, kept: Any) -> Self:
        """Return an origin that was kept; TypeError, ValueError or KeyError if it is none."""
        origin = cls(**kept)
        kinds = {"env": str, "env_kwargs": dict, "feature": str, "identity": dict}
        for name, kind in kinds.items():
            if not isinstance(getattr(origin, name), kind):
                raise TypeError(f"its {name} is no {kind.__name__}")
        Note(**origin.identity["note"])
        ParameterSpace([Parameter.read(one) for one in origin.identity["parameters"]])
        number("sample_rate", origin.identity.get("sample_rate", 1), 1, 1e6)
        return origin

    def kept(self) -> dict[str, Any]:
        """Return it as JSON, to be saved with the model."""
        return asdict(self)

    def check_played(self, trial: Trial, path: Path) -> None:
        """Raise SynthgymError if the model at a path was not trained on the note of a trial's target.

        Args:
            trial: of which the note is looked at.
            path: of the model, for the message.

        Raises:
            SynthgymError: the model was trained on other notes.
        """
        for note in trial.notes.reshape(-1, 3):
            self._check_note(note, trial, path)

    def _check_note(self, note: NDArray[np.float64], trial: Trial, path: Path) -> None:
        if beyond := self.note.lacks(Note.of_row(note, trial.note.duration)):
            raise SynthgymError(f"{path} was trained on {beyond}; train one on such notes")

    @property
    def note(self) -> Note:
        """The notes that it was trained on."""
        return Note(**self.identity["note"])

    def hears(self) -> str:
        """Return in words what sounds are to a model: the feature, of which rate."""
        return f"{self.feature} of {self.identity['sample_rate']:g} Hz"

    def check_feature(self, task: SoundMatchingTask, path: Path) -> None:
        """Raise SynthgymError unless a task has the feature that a model sees.

        Args:
            task: that the model is to search.
            path: of the model.
        """
        if self.feature != task.feature_name:
            raise SynthgymError(
                f"{path} was trained on the feature {self.feature}, not {task.feature_name}; "
                f"give --env-kwargs feature={self.feature}, or train another"
            )

    def check(self, task: SoundMatchingTask, path: Path, *, others: Collection[str] = ()) -> None:
        """Raise SynthgymError unless a task, and each of its notes, is one of a model's, at a path.

        Args:
            task: that the model is to search.
            path: of the model.
            others: ``note`` if its notes may be others than those that were learned, ``samples`` if its
                sounds may be shorter or longer, ``notes_per_target`` if a target may have several, of which
                the model sees one.
        """
        self.check_feature(task, path)
        what = f"{path} was trained on {self.env} {self.env_kwargs or ''}".rstrip()
        remedy = "train one on this environment"
        check_same_settings(what, self.identity, task.identity(), remedy, ignore=("note", *others))
        if "note" not in others and (beyond := self.note.lacks(task.note)):
            raise SynthgymError(f"{path} was trained on {beyond}; {remedy}")


class Trained(Agent):
    """An agent that searches by the models of one or more trainings.

    Args:
        agent: its name.
        models: their files; the number of a trial says which of them searches in it.
    """

    def __init__(self, agent: str, models: Sequence[Path]) -> None:
        self.agent, self._models = agent, models

    def model_with(self, seed: int) -> str:
        """Return a digest of the file of the model that searches in trials with a seed."""
        return hashlib.sha256(self._models[seed % len(self._models)].read_bytes()).hexdigest()[:16]

    def model_of(self, trial: Trial) -> Path:
        """Return the file of the model that searches in a trial."""
        return self._models[trial.number % len(self._models)]
