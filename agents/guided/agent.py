"""One climb whose steps a network proposes, then many, the worse half of them given up again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.features import Features
from synthgym.parameters import Unit
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

from ..search.effects import Effects
from ..search.halving import BATCHES, first_starts, left_at_speed, rounds
from ..training.file_cache import cached_by_file
from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import BudgetSpent, Trial, middle_of
from .climbs import Climbs
from .model import AGENT, Model
from .pooling import pooled
from .steps import StepLogits

LEARNED = 100
"""So many steps of a climb are the network's: what it proposes first is what is likely."""
PLAIN = 0.5
"""Afterwards so many of them are a hill climber's: what is likely was tried."""
MANY = 20
"""With fewer renders than these for each free parameter, one climb leads nearer than many."""
FIRST_BATCH = 8
"""Renders in a batch of the first climb, at most; fewer of a small budget."""


class Guided(Trained):
    """One climb from what is known, by steps that a network draws in view of the target and of the sound so
    far; with many renders, others from elsewhere beside it, in rounds as of ``halving``.

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
        with _one_thread():
            self._climb(trial)

    def _climb(self, trial: Trial) -> None:
        path = self.model_of(trial)
        model = _loaded(AGENT, path)
        if not self._any_note:
            model.origin.check_played(trial, path)
        trial.count_offline(str(path), model.renders)
        start, rendered = trial.known or _best_start(trial)
        far = np.array(trial.distances).min(keepdims=True)
        before, first = trial.spent, len(trial.distances)
        climb = _Climb(model, trial, start, rendered, far)
        batch = int(np.clip(trial.left / LEARNED**2, 1, FIRST_BATCH))
        while (alone := len(trial.distances) - first) < LEARNED:
            climb.advance(batch, learned=True)
        left = left_at_speed(trial, alone, before)
        if left < MANY * len(trial.space):
            batch = max(1, int(left / BATCHES))
            while True:
                climb.advance(batch, learned=trial.rng.random() >= PLAIN)
        climb.join(start, rendered, far)
        with contextlib.suppress(BudgetSpent):  # it is, or else the pool has no more starts
            others = first_starts(trial)
            climb.join(others, trial.render(others), np.array(trial.distances[-len(others) :]))
        age = 0
        for climbers, steps in rounds(trial, left):
            climb.keep(climbers)
            climb.advance(steps, learned=age < LEARNED or trial.rng.random() >= PLAIN)
            age += steps


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch work in this thread alone.

    For so small a network more gain nothing, and they wait for each other, spinning, on the cores that
    render: with two of them on two cores a search took six times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _best_start(trial: Trial) -> tuple[Unit, Rendered]:
    """Return the best of the pool's first patches, (1, n), and its render."""
    unit = first_starts(trial)
    rendered = trial.render(unit)
    return trial.known or (unit[:1], rendered.rows([0]))  # all failed


class _Climb:
    """Climbs of a trial's target, and the steps that are likely from where each is now.

    Args:
        model: proposes steps.
        trial: renders.
        unit: where they begin, (N, n).
        rendered: those patches.
        far: their distances (N,).
    """

    def __init__(
        self, model: Model, trial: Trial, unit: Unit, rendered: Rendered, far: NDArray[np.float64]
    ) -> None:
        self._network, self._trial, self._frames = model.network, trial, model.frames
        played = trial.notes.reshape(-1, 3)
        self._which = middle_of(played)  # of several notes the network sees one
        self._aim = self._seen(trial.shown.features[0])
        self._notes = np.clip(played[[self._which]], *model.origin.note.range)
        self._climbs, self._effects = self._new(unit, rendered, far), Effects(trial)
        self._effects.join(rendered.features[0])
        self._logits = self._likely(np.arange(len(far)))

    def _seen(self, features: Features) -> Features:
        """Return the features of as much of sounds as the network sees, pooled."""
        return pooled(self._cut(features))

    def _cut(self, features: Features) -> Features:
        one = features[:, self._which] if self._trial.notes_per_target > 1 else features
        return one[:, : self._frames]

    def _new(self, unit: Unit, rendered: Rendered, far: NDArray[np.float64]) -> Climbs:
        aim, notes = np.repeat(self._aim, len(unit), axis=0), np.repeat(self._notes, len(unit), axis=0)
        return Climbs(aim, notes, unit.copy(), self._seen(rendered.features[0]), far.copy())

    def _likely(self, rows: NDArray[np.int64]) -> StepLogits:
        with torch.no_grad():
            logits: StepLogits = self._network(self._climbs.seen(rows))
        return logits

    def join(self, unit: Unit, rendered: Rendered, far: NDArray[np.float64]) -> None:
        """Climb from other patches (N, n), too."""
        self._climbs = self._climbs.joined(self._new(unit, rendered, far))
        self._effects.join(rendered.features[0])
        self._logits = self._likely(np.arange(len(self._climbs.far)))

    def keep(self, count: int) -> None:
        """Go on with so many, the nearest."""
        if count < len(self._climbs.far):
            nearest = np.argsort(self._climbs.far, kind="stable")[:count]
            self._climbs.keep(nearest)
            self._effects.keep(nearest)
            self._logits = self._logits.rows(nearest)

    def advance(self, count: int, *, learned: bool) -> None:
        """Render so many steps of each, the network's or a hill climber's and some that are made of earlier
        ones, and go where it is no farther."""
        climbs, space, trial = self._climbs, self._network.steps, self._trial
        logits = self._logits if learned else space.even(climbs.unit)
        here = climbs.unit.copy()
        there = self._effects.mixed(here, space.take(here, logits.draw(count, trial.rng), trial.rng))
        rendered = trial.render(there.reshape(-1, there.shape[2]))
        far = np.array(trial.distances[-len(rendered.features[0]) :]).reshape(there.shape[:2])
        taken = climbs.go(there, self._cut(rendered.features[0]), far)
        self._effects.learn(here, there, rendered.features[0], taken)
        (gone,) = np.nonzero(taken >= 0)
        if len(gone):
            for kept, new in zip(self._logits, self._likely(gone), strict=True):
                kept[torch.from_numpy(gone)] = new


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
    """Return the agent that climbs by trained networks; SynthgymError if they do not fit the task.

    Args:
        agent: its name.
        task: that it is to search.
        models: files of the networks.

    Returns:
        The agent.
    """
    return _fitting(task, models, any_note=False)


def prepare_shipped(task: SoundMatchingTask, model: Path) -> Agent:
    """Return the agent that climbs by a network that comes with the package, at any note; SynthgymError if it
    is damaged, or does not fit the task.

    Args:
        task: that it is to search.
        model: file of the network.

    Returns:
        The agent.
    """
    return _fitting(task, [model], any_note=True)


def _fitting(task: SoundMatchingTask, models: Sequence[Path], *, any_note: bool) -> Agent:
    others = ("samples", "notes_per_target", *(["note"] if any_note else []))
    for path in models:
        _loaded(AGENT, path).origin.check(task, path, others=others)
    return Guided(models, any_note=any_note)


@cached_by_file(8)
def _loaded(agent: str, path: Path) -> Model:
    model = Model.load(path)[0]
    model.network.eval()
    return model
