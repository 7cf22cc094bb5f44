"""Episodes that start at what another agent guesses of their targets."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

from ..training.learners import GUESS, LEARNERS, prepare_run
from ..trials.pool import Pool
from ..trials.trial import BudgetSpent, Trial

PREDICT = tuple(name for name, module in LEARNERS.items() if module == "supervised")
"""Agents that predict parameters: their guess takes few renders, and no starts."""


class Guesses:
    """Finds starts by an agent that was trained before, as a hybrid of it and another would.

    Args:
        text: the agent and its run or model, as ``mlp@runs/FM-v0-mlp-0``.
        task: renders.
        seed: of all that is random in it.

    Raises:
        SynthgymError: the text names no agent that is trained, or no run, or the model does not fit the task.
    """

    def __init__(self, text: str, task: SoundMatchingTask, seed: int) -> None:
        name, _, run = text.partition("@")
        if name not in PREDICT or not run:
            raise SynthgymError(
                f"episodes start at the guess of one of {', '.join(PREDICT)}, as mlp@RUN; got {text!r}"
            )
        self._agent = prepare_run(name, Path(run), task)
        self._task, self._rng = task, np.random.default_rng(seed)
        self._pool = Pool.make(task, seed, 1)

    def __call__(self, target: Rendered, notes: Notes) -> tuple[Unit, NDArray[np.int64]]:
        """Return the guesses (B, n) of targets at notes (B, 3), and how many sounds each cost, (B,)."""
        trials = [self._trial(target.rows([row]), notes[row]) for row in range(len(notes))]
        found = [self._pool.unit[0] if trial.found is None else trial.found for trial in trials]
        return np.stack(found), np.array([trial.renders for trial in trials])

    def _trial(self, target: Rendered, played: NDArray[np.float64]) -> Trial:
        budget = GUESS * self._task.notes_per_target
        trial = Trial(self._task, target, budget, self._pool, self._rng, played)
        with contextlib.suppress(BudgetSpent):
            self._agent.guess(trial)
        return trial
