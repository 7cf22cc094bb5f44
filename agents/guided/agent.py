"""One climb whose steps a network proposes, then many, the worse half of them given up again and again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.parameters import Unit
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

from ..search.halving import first_starts, left_at_speed, rounds
from ..training.file_cache import cached_by_file
from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .climbs import Climbs
from .model import AGENT, Model
from .pooling import pooled
from .steps import StepLogits

LEARNED = 100
"""So many renders are of one climb, by steps of the network: what it proposes first is what is likely."""
PLAIN = 0.5
"""Afterwards so many of the steps are a hill climber's: what is likely was tried."""
ALONE = 100, 8
"""That climb is of so many batches, of at most so many renders."""


class Guided(Trained):
    """One climb from what is known, by steps that a network draws in view of the target and of the sound so
    far; then many from where it led, in rounds as of ``halving``.

    Of a sound longer than those that it learned it sees the beginning.

    Args:
        models: files of networks, one a training.
        any_note: whether it plays notes that it has not learned, too; it sees the nearest that it has.
    """

    def __init__(self, models: Sequence[Path], *, any_note: bool = False) -> None:
        super().__init__(AGENT, models)
        self._any_note = any_note

    def search(self, trial: Trial) -> None:
        """Climb until the budget is spent."""
        path = self.model_of(trial)
        model = _loaded(AGENT, path)
        if not self._any_note:
            model.origin.check_played(trial, path)
        trial.count_offline(str(path), model.renders)
        unit, rendered = trial.known or _best_start(trial)
        aim, sound = (pooled(each.features[0][:, : model.frames]) for each in (trial.shown, rendered))
        seen_as = np.clip(trial.notes, *model.origin.note.range)
        climbs = Climbs(aim, seen_as, unit.copy(), sound, np.array(trial.distances).min(keepdims=True))
        climb = _Climb(model, climbs)
        before, first = trial.spent, len(trial.distances)
        batch = int(np.clip(trial.left / (LEARNED * ALONE[0]), 1, ALONE[1]))
        while (alone := len(trial.distances) - first) < LEARNED:
            climb.advance(trial, batch, learned=True)
        for climbers, steps in rounds(trial, left_at_speed(trial, alone, before)):
            if climbers != len(climbs.far):
                climbs.keep(np.resize(np.argsort(climbs.far, kind="stable"), climbers))
                climb = _Climb(model, climbs)
            climb.advance(trial, steps, learned=trial.rng.random() >= PLAIN)


def _best_start(trial: Trial) -> tuple[Unit, Rendered]:
    """Return the best of the pool's first patches, (1, n), and its render."""
    unit = first_starts(trial)
    trial(unit)
    return trial.known or (unit[:1], trial.render(unit[:1]))  # all are silent, or failed


class _Climb:
    """Climbs of one target, and the steps that are likely from where each is now."""

    def __init__(self, model: Model, climbs: Climbs) -> None:
        self._network, self._frames, self._climbs = model.network, model.frames, climbs
        self._logits = self._likely(np.arange(len(climbs.far)))

    def _likely(self, rows: NDArray[np.int64]) -> StepLogits:
        with torch.no_grad():
            logits: StepLogits = self._network(self._climbs.seen(rows))
        return logits

    def advance(self, trial: Trial, count: int, *, learned: bool) -> None:
        """Render so many steps of each climb, and go where it is no farther."""
        climbs, space = self._climbs, self._network.steps
        logits = self._logits if learned else space.even(climbs.unit)
        there = space.take(climbs.unit, logits.draw(count, trial.rng), trial.rng)
        rendered = trial.render(there.reshape(-1, there.shape[2]))
        far = np.array(trial.distances[-len(rendered.features[0]) :]).reshape(there.shape[:2])
        gone = climbs.go(there, rendered.features[0][:, : self._frames], far)
        if len(gone):
            for kept, new in zip(self._logits, self._likely(gone), strict=True):
                kept[torch.from_numpy(gone)] = new


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained network comes from; SynthgymError if the file holds none of the agent."""
    return _loaded(agent, model).origin


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that climbs by trained networks; SynthgymError if they do not fit the task."""
    return _fitting(task, models, any_note=False)


def prepare_shipped(task: SoundMatchingTask, model: Path) -> Agent:
    """Return the agent that climbs by a network that comes with the package, at any note; SynthgymError if it
    is damaged, or does not fit the task."""
    return _fitting(task, [model], any_note=True)


def _fitting(task: SoundMatchingTask, models: Sequence[Path], *, any_note: bool) -> Agent:
    others = ("samples", "note") if any_note else ("samples",)
    for path in models:
        _loaded(AGENT, path).origin.check(task, path, others=others)
    return Guided(models, any_note=any_note)


@cached_by_file(8)
def _loaded(agent: str, path: Path) -> Model:
    model = Model.load(path)[0]
    model.network.eval()
    return model
