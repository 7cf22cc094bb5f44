"""A trained network predicts the parameters of a trial's target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthgym.task import SoundMatchingTask

from ..training.file_cache import cached_by_file
from ..training.models import OF_ANY_SYNTH, Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .model import Model
from .rollout import SEARCHING, kept_parts

FIRST_RENDERS = 10
"""Renders of whole patches; the search goes on from the best of them."""


class SampledPatches(Trained):
    """Renders a network's prediction, then samples, then the best with parts of it sampled again.

    The last render is that of the best once more, so that the search ends there.

    Args:
        agent: its name.
        models: files of networks, one a training.
        synth: the synthesiser that a network of any is to play, as JSON of its origin; None: that on which it
            was trained.
    """

    def __init__(self, agent: str, models: Sequence[Path], synth: str | None = None) -> None:
        super().__init__(agent, models)
        self._synth = synth

    def guess(self, trial: Trial) -> None:
        """Render the prediction, and samples."""
        model, rng, (target, notes) = self._model(trial), trial.rng, trial.at_one_note
        trial(model.predict(target, notes))
        samples = min(FIRST_RENDERS, trial.left) - 1
        if samples > 0:
            trial(model.sample(np.repeat(target, samples, axis=0), SEARCHING[0], rng, notes))

    def search(self, trial: Trial) -> None:
        """Start, unless there is a guess, and go on until the budget is spent."""
        if trial.found is None:
            self.guess(trial)
        model, rng, n = self._model(trial), trial.rng, len(trial.space)
        target, notes = trial.at_one_note
        embedding = model.embed(target, notes)
        while trial.left:
            if trial.found is None:  # all renders failed so far
                unit = model.sample(target, SEARCHING[0], rng, notes)
            elif trial.left > 1:
                unit = model.complete(embedding, trial.found[None], kept_parts(1, n, rng), SEARCHING[1], rng)
            else:
                unit = trial.found[None]
            trial(unit)

    def _model(self, trial: Trial) -> Model:
        path = self.model_of(trial)
        model = _loaded(self.agent, path) if self._synth is None else _of_synth(self._synth, path)
        model.origin.check_played(trial, path)
        trial.count_offline(model.dataset, model.dataset_renders)
        trial.count_offline(str(path), model.renders)
        return model


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained network comes from; SynthgymError if the file holds none of the agent.

    Args:
        agent: its name.
        model: file of the network.

    Returns:
        The environment and settings that it was trained with.
    """
    return _loaded(agent, model).origin


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that searches by trained networks; SynthgymError if they do not fit the task.

    Args:
        agent: its name.
        task: that it is to search.
        models: files of the networks.

    Returns:
        The agent.
    """
    synth = None
    for path in models:
        trained = origin(agent, path)
        if agent == OF_ANY_SYNTH:
            trained.check_feature(task, path)
            synth = json.dumps(Origin.of(task, "this environment", {}).kept())
            trained = _of_synth(synth, path).origin
        # Of several notes the network sees one.
        trained.check(task, path, others=["notes_per_target"])
    return SampledPatches(agent, models, synth)


@cached_by_file(8)
def _loaded(agent: str, path: Path) -> Model:
    return Model.load(agent, path)[0]


@cached_by_file(8)
def _of_synth(synth: str, path: Path) -> Model:
    return _loaded(OF_ANY_SYNTH, path).beside(Origin.read(json.loads(synth)))
