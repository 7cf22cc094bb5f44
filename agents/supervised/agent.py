"""A trained network names the parameters of a trial's target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from synthgym.task import SoundMatchingTask

from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .model import Model
from .rollout import SEARCHING, kept_parts

DRAWS = 10
"""Renders of which the best is gone on from."""


class SampledPatches(Trained):
    """Renders what a network names: the likeliest, then draws, then the best with parts of it drawn again.

    The last render is the best once more: there it stays.
    """

    def start(self, trial: Trial) -> None:
        """Render the likeliest and draws."""
        model, target, rng = self._model(trial), trial.shown.features[0], trial.rng
        trial(model.name(target))
        draws = min(DRAWS, trial.left) - 1
        if draws > 0:
            trial(model.name(np.repeat(target, draws, axis=0), temperature=SEARCHING[0], rng=rng))

    def search(self, trial: Trial) -> None:
        """Start, unless there is a guess, and go on until the budget is spent."""
        if trial.found is None:
            self.start(trial)
        model, rng, n = self._model(trial), trial.rng, len(trial.space)
        embedding = model.embed(trial.shown.features[0])
        while trial.left:
            assert trial.found is not None
            unit = trial.found[None]
            if trial.left > 1:
                unit = model.complete(embedding, unit, kept_parts(1, n, rng), SEARCHING[1], rng)
            trial(unit)

    def _model(self, trial: Trial) -> Model:
        path = self.model_of(trial)
        model = _loaded(self.agent, path)
        trial.count_offline(model.dataset, model.dataset_renders)
        trial.count_offline(str(path), model.renders)
        return model


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained network comes from; SynthgymError if the file is none of the agent."""
    return _loaded(agent, model).origin


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that plays a task by trained networks; SynthgymError if they are of another."""
    for path in models:
        origin(agent, path).check(task, path)
    return SampledPatches(agent, models)


@lru_cache(8)
def _loaded(agent: str, path: Path) -> Model:
    return Model.load(agent, path)[0]
