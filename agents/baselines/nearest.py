"""A lookup in a data set."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from agents.agent import Agent
from agents.trial import Trial
from synthgym.checks import one_of
from synthgym.datasets import DataSet, load
from synthgym.datasets.sources import TRAIN_SPLIT
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

MOST = 1000
"""Neighbours it finds."""
_BLOCK = 1024


class Nearest(Agent):
    """Renders the examples of a data set that are nearest to the target, the nearest first.

    Args:
        path: folder of the data set.
        feature: by which they are compared.
        offline_renders: what the set cost.
    """

    def __init__(self, path: Path, feature: str, offline_renders: int) -> None:
        self._path, self._feature, self.offline_renders = path, feature, offline_renders

    @classmethod
    def prepare(cls, task: SoundMatchingTask, path: Path) -> Nearest:
        """Open a data set of the same parameters, with the feature that distance is measured by.

        Raises:
            SynthgymError: there is none, or it is of other parameters, or has not that feature.
        """
        dataset = load(path)
        check_same(task, dataset)
        name = task.feature_name
        one_of(f"feature of {path}", name, dataset.features)
        return cls(Path(path).resolve(), name, int(np.sum(dataset.renders[:], dtype=np.int64)))

    def play(self, trial: Trial) -> None:
        """Render one neighbour after the other."""
        for unit in self._neighbours(trial):
            trial(unit[None])

    def start(self, trial: Trial) -> None:
        """Render the nearest."""
        trial(self._neighbours(trial)[:1])

    def _neighbours(self, trial: Trial) -> Unit:
        return _neighbours(self._path, self._feature, trial.target[0].tobytes(), trial.target[0].shape)


def check_same(task: SoundMatchingTask, dataset: DataSet) -> None:
    """Raise SynthgymError unless a data set is of a task's parameters and note."""
    made, note = dataset.manifest, task.synth.note
    kept = (dataset.space.free, made["frozen"], made["samples"], made["note"])
    if kept != (task.space.free, task.space.frozen, task.synth.samples, vars(note)):
        raise SynthgymError(
            f"{dataset.path} is a set of {made['env']} {made['env_kwargs']} with other parameters; "
            "make one of this environment with scripts/make_dataset.py"
        )


@lru_cache(256)
def _neighbours(path: Path, feature: str, target: bytes, shape: tuple[int, ...]) -> Unit:
    """Return the unit vectors of the training examples nearest to a target."""
    dataset = load(path)
    aim: Features = np.frombuffer(target, np.float32).reshape(shape)
    far = np.full(len(dataset), np.inf, np.float32)
    for i in range(0, len(dataset), _BLOCK):
        part = dataset.features[feature][i : i + _BLOCK].astype(np.float32)
        far[i : i + len(part)] = distance(part, aim)
    far[dataset.split[:] != TRAIN_SPLIT] = np.inf
    best = np.argsort(far, kind="stable")[:MOST]
    rows = np.sort(best)
    units: Unit = dataset.parameters.get_orthogonal_selection((rows, slice(None)))
    nearest: Unit = units[np.searchsorted(rows, best)]
    return nearest
