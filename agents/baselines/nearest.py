"""A lookup in a data set."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from synthgym.datasets import load, load_for
from synthgym.features import Features
from synthgym.notes import Note
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from ..trials.agent import Agent
from ..trials.trial import Trial
from .index import DataSetState, neighbours, state_of

MOST = 1000
"""Neighbours it finds."""


class Nearest(Agent):
    """Renders the examples of a data set that are nearest to the target, the nearest first.

    Args:
        path: folder of the data set.
        feature: by which they are compared.
        renders: what the set cost.
    """

    def __init__(self, path: Path, feature: str, renders: int) -> None:
        self._path, self._feature, self._renders = path, feature, renders

    @classmethod
    def prepare(cls, task: SoundMatchingTask, path: Path) -> Nearest:
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
        return cls(dataset.path, task.feature_name, dataset.cost())

    def search(self, trial: Trial) -> None:
        """Render one neighbour after the other."""
        for unit in self._neighbours(trial):
            trial(unit[None])

    def guess(self, trial: Trial) -> None:
        """Render the nearest."""
        trial(self._neighbours(trial)[:1])

    def _neighbours(self, trial: Trial) -> Unit:
        trial.count_offline(str(self._path), self._renders)
        (aim,) = trial.shown.features[0]
        return _neighbours(self._path, self._feature, state_of(self._path), aim.tobytes(), aim.shape)


def note_of_dataset(path: Path) -> Note:
    """Return what the synth of a data set played; SynthgymError if there is none."""
    return load(path).note


@lru_cache(256)
def _neighbours(path: Path, feature: str, state: DataSetState, target: bytes, shape: tuple[int, ...]) -> Unit:
    """Return what is nearest to a target, looked up once for all trials of it in each state of the set."""
    aim: Features = np.frombuffer(target, np.float32).reshape(1, *shape)
    return neighbours(path, feature, aim, MOST, state)
