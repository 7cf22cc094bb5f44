"""Separable CMA-ES, restarted with a larger population whenever it gets nowhere.

Hansen's pycma (https://github.com/CMA-ES/pycma). A diagonal covariance matrix (Ros and Hansen, "A Simple
Modification in CMA-ES Achieving Linear Time and Space Complexity", PPSN 2008) learns in the few hundred
renders there are what a full one would take thousands for. Restarts as in Auger and Hansen, "A Restart CMA
Evolution Strategy With Increasing Population Size" (CEC 2005), in turn from the pool and from the best.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from synthgym.parameters import Unit

from ..trials.agent import Agent
from ..trials.trial import BudgetSpent, Trial

STARTS = 150
"""Most sounds share nothing with the target, and there all directions look alike: begin near a good one."""
RESTARTS = 20
STEP = 0.12
"""Length of the first steps in the unit cube, about."""
SIGMA_FROM_GUESS = 0.015
"""Of the first steps along each parameter, from a guess or from the best so far."""
CELLS = 0.3
"""The least first step along a discrete parameter, in distances of its values."""
MOST_POPULATION = 8
"""So many times its first size the population may grow."""


class CMAES(Agent):
    """Covariance matrix adaptation in the unit cube."""

    def search(self, trial: Trial) -> None:
        """Search until the budget is spent."""
        from_best = trial.found is not None
        begun, _ = trial.start_point(STARTS)
        growth = 1
        while True:
            self._descend(trial, begun, from_best, growth)
            growth = min(2 * growth, MOST_POPULATION)
            from_best = not from_best
            begun, _ = trial.start_point(RESTARTS)
            if not from_best:
                with contextlib.suppress(BudgetSpent):  # it is, or else the pool has no more starts
                    begun, _ = trial.best_start(RESTARTS)

    def _descend(self, trial: Trial, begun: Unit, from_best: bool, growth: int) -> None:
        import cma

        size = len(begun)
        sigma = SIGMA_FROM_GUESS if from_best else STEP / np.sqrt(size)
        between = np.array([1 / (p.steps - 1) if p.steps else 0 for p in trial.space.free])
        options = {
            "bounds": [0, 1],
            "popsize": growth * int(4 + 3 * np.log(max(size, 2))),
            "CMA_diagonal": True,
            "CMA_stds": np.maximum(1, CELLS * between / sigma),
            # Its own seed would be NumPy's global one.
            "seed": np.nan,
            "randn": lambda *shape: trial.rng.standard_normal(shape),
            "tolfun": 1e-5,
            "tolx": 1e-5,
            "verbose": -9,
        }
        with _quiet():
            strategy = cma.CMAEvolutionStrategy(begun.astype(np.float64), sigma, options)
        while not strategy.stop():
            with _quiet():
                asked = strategy.ask()
            unit = np.clip(np.array(asked), 0, 1).astype(np.float32)
            strategy.tell(asked, trial(unit).tolist())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what pycma says of one-dimensional problems, and of parameters that do nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
