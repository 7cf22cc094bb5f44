"""Hill climbers whose steps a network proposes, the worse half of them given up again and again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.task import SoundMatchingTask

from ..search.halving import BATCHES, CLIMBERS, EACH, SHARE, STARTS
from ..training.file_cache import cached_by_file
from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .climbs import Climbs
from .model import AGENT, Model
from .network import StepNetwork
from .pooling import pooled
from .steps import StepLogits

LEARNED, PLAIN = 100, 0.5
"""After so many renders of a climb, so many of its steps are a hill climber's: what is likely was tried."""
BATCH = 1, 32
"""Renders in a batch, at least and at most."""


class Guided(Trained):
    """As ``halving``, by steps that a network draws in view of the target and of the sound so far."""

    def search(self, trial: Trial) -> None:
        """Climb until the budget is spent."""
        path = self.model_of(trial)
        model = _loaded(self.agent, path)
        model.origin.check_played(trial, path)
        trial.count_offline(str(path), model.renders)
        climbs, left, begun = self._begin(trial)
        halvings = int(np.log2(np.clip(left / EACH, 1, CLIMBERS)))
        batch = int(np.clip(left / BATCHES, *BATCH))
        for number in range(halvings + 1):
            climbs.keep(np.argsort(climbs.far, kind="stable")[: 2 ** (halvings - number)])
            # The last is ended by the budget.
            until = begun + (1 - begun) * (number + 1) / (halvings + 1)
            climb = _Climb(model.network, climbs)
            while number == halvings or trial.spent < until:
                climb.advance(trial, max(1, batch // len(climbs.far)))

    def _begin(self, trial: Trial) -> tuple[Climbs, float, float]:
        """Return where climbs may begin, how many renders are left, and the share that is spent.

        Where time ends the search, it is as many as can be rendered in it at the speed of the first.
        """
        known = trial.found
        count = max(1, min(max(STARTS, trial.pool.known), trial.budget // SHARE))
        if known is not None and trial.left < 2 * EACH:
            unit = known[None]  # one climber has all there is
        else:
            unit = trial.starts(count)
            unit = unit if known is None else np.vstack([known[None], unit[1:]])
        before = trial.spent
        rendered = trial.render(unit)
        far = np.array(trial.distances[-len(unit) :])
        spent = trial.spent
        left = len(unit) * (1 - spent) / max(spent - before, 1e-9)
        aim = np.repeat(pooled(trial.shown.features[0]), len(unit), axis=0)
        notes = np.repeat(trial.notes, len(unit), axis=0)
        return Climbs(aim, notes, unit.copy(), pooled(rendered.features[0]), far), left, spent


class _Climb:
    """Climbs of one target, and the steps that are likely from where each is now."""

    def __init__(self, network: StepNetwork, climbs: Climbs) -> None:
        self._network, self._climbs = network, climbs
        self._logits = self._likely(np.arange(len(climbs.far)))
        self._rendered = 0

    def _likely(self, rows: NDArray[np.int64]) -> StepLogits:
        with torch.no_grad():
            logits: StepLogits = self._network(self._climbs.seen(rows))
        return logits

    def advance(self, trial: Trial, count: int) -> None:
        """Render so many steps of each climb, and go where it is no farther."""
        climbs, space = self._climbs, self._network.steps
        late = self._rendered >= LEARNED and trial.rng.random() < PLAIN
        logits = space.even(climbs.unit) if late else self._logits
        there = space.take(climbs.unit, logits.draw(count, trial.rng), trial.rng)
        self._rendered += count
        rendered = trial.render(there.reshape(-1, there.shape[2]))
        far = np.array(trial.distances[-len(rendered.features[0]) :]).reshape(there.shape[:2])
        gone = climbs.go(there, rendered.features[0], far)
        if len(gone):
            for kept, new in zip(self._logits, self._likely(gone), strict=True):
                kept[torch.from_numpy(gone)] = new


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained network comes from; SynthgymError if the file holds none of the agent."""
    return _loaded(agent, model).origin


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that climbs by trained networks; SynthgymError if they do not fit the task."""
    for path in models:
        origin(agent, path).check(task, path, shorter=True)
    return Guided(AGENT, models)


@cached_by_file(8)
def _loaded(agent: str, path: Path) -> Model:
    model = Model.load(path)[0]
    model.network.eval()
    return model
