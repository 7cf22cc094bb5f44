"""A lookup in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from synthgym.datasets import load, load_for
from synthgym.features import Features
from synthgym.notes import Note, lowest_first
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from ..trials.agent import Agent
from ..trials.trial import Trial
from .lookup import neighbours

MOST = 1000
"""Neighbours it finds."""


class Nearest(Agent):
    """Renders the examples of a data set that are nearest to the target, the nearest first.

    Args:
        task: whose feature they are compared by.
        path: folder of the data set.
        renders: what the set cost.
    """

    def __init__(self, task: SoundMatchingTask, path: Path, renders: int) -> None:
        self._task, self._path, self._renders = task, path, renders

    @classmethod
    def prepare(cls, task: SoundMatchingTask, path: Path) -> Self:
        """Open a data set of a task; SynthgymError if there is none, or it is of another task.

        Args:
            task: what the agent shall play.
            path: the folder of the data set.

        Returns:
            The agent.

        Raises:
            SynthgymError: there is no data set, or it is of another task.
        """
        dataset = load_for(task, path)
        return cls(task, dataset.path, dataset.cost())

    def search(self, trial: Trial) -> None:
        """Render one neighbour after the other."""
        for unit in self._neighbours(trial):
            trial(unit[None])

    def guess(self, trial: Trial) -> None:
        """Render the nearest."""
        trial(self._neighbours(trial)[:1])

    def _neighbours(self, trial: Trial) -> Unit:
        trial.count_offline(str(self._path), self._renders)
        return self._looked_up(self._seen(trial))

    def _seen(self, trial: Trial) -> Features:
        """Return what is looked up: the target, or its middle note in a set of one note an item."""
        if load(self._path).notes_per_target == 1:
            return trial.at_one_note[0]
        return lowest_first(trial.shown.features[0], trial.notes)

    def _looked_up(self, target: Features) -> Unit:
        """Return what is rendered for a target (1, frames, bins) or (1, k, frames, bins), first to last."""
        return neighbours(self._path, self._task.feature_name, target, MOST)


def note_of_dataset(path: Path) -> Note:
    """Return what the synth of a data set played; SynthgymError if there is none."""
    return load(path).note
