"""What saved models of a run find for fixed validation targets."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from synthgym.making import make_task
from synthgym.patches import Patches, PatchStream

from ..trials.agent import Refined, run
from ..trials.pool import Pool
from ..trials.trial import Best, Trial
from .learners import GUESS, prepare_run
from .run_config import RunConfig

RENDERS = 20
"""For each target, beside those of where an episode starts."""


class Validation:
    """Lets the saved models of a run search for fixed validation targets, within a small budget of renders.

    It has a task and random numbers of its own.

    Args:
        run: config of the run.
        targets: how many.
        seed: of targets, starts and searches.

    Attributes:
        task: renders.
    """

    def __init__(self, run: RunConfig, targets: int, seed: int) -> None:
        self._run, self._targets, self._seed = run, targets, seed
        self.task = make_task(run.env, run.env_kwargs, rendering="inline")

    def close(self) -> None:
        """Let the task go."""
        self.task.close()

    @cached_property
    def patches(self) -> Patches:
        """Return the targets, with their audio."""
        return self.task.make_patches(
            PatchStream("validation", self._seed).ids(range(self._targets)), audio=True
        )

    @cached_property
    def _pool(self) -> Pool:
        return Pool.make(self.task, self._seed, self._renders)

    @property
    def _renders(self) -> int:
        if self._run.start_from is not None:
            return self.task.notes_per_target * (RENDERS + GUESS)
        starts: int = self._run.env_kwargs.get("starts", 1)
        return self.task.notes_per_target * (RENDERS + starts - 1)

    def search(self, model: Path) -> list[Best]:
        """Let a saved model search.

        Args:
            model: its file.

        Returns:
            The best that it found for each target.
        """
        agent = prepare_run(self._run.agent, model, self.task)
        if self._run.start_from is not None:
            name, _, path = self._run.start_from.partition("@")
            agent = Refined(prepare_run(name, Path(path), self.task), agent)
        bests = []
        for i in range(self._targets):
            rng = np.random.default_rng([self._seed, i])
            target = self.patches.rendered.rows([i])
            trial = run(
                agent, Trial(self.task, target, self._renders, self._pool, rng, self.patches.notes[i])
            )
            assert trial.best is not None
            bests.append(trial.best)
        return bests
