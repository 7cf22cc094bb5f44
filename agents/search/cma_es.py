"""CMA-ES, restarted with a larger population whenever it gets nowhere.

Hansen's pycma (https://github.com/CMA-ES/pycma); restarts as in Auger and Hansen, "A Restart CMA
Evolution Strategy With Increasing Population Size" (CEC 2005).
"""

from __future__ import annotations

import warnings

import numpy as np

from agents.agent import Agent
from agents.trial import Trial
from synthgym.parameters import Unit

STARTS = 100
"""Most sounds share nothing with the target, and there all directions look alike: begin near a good one."""
RESTARTS = 20
SIGMA = 0.2
SIGMA_FROM_GUESS = 0.1
"""Of the first steps; smaller where another agent has guessed."""
MOST_POPULATION = 8
"""So many times its first size the population may grow."""


class CMAES(Agent):
    """Covariance matrix adaptation in the unit cube."""

    def play(self, trial: Trial) -> None:
        """Search until the budget is spent."""
        sigma = SIGMA_FROM_GUESS if trial.best else SIGMA
        begun, _ = trial.begin(STARTS)
        growth = 1
        while True:
            self._descend(trial, begun, sigma, growth)
            growth = min(2 * growth, MOST_POPULATION)
            sigma = SIGMA
            begun, _ = trial.best_start(RESTARTS)

    def _descend(self, trial: Trial, begun: Unit, sigma: float, growth: int) -> None:
        import cma

        size = len(begun)
        options = {
            "bounds": [0, 1],
            "popsize": growth * int(4 + 3 * np.log(max(size, 2))),
            # Its own seed would be NumPy's global one.
            "seed": np.nan,
            "randn": lambda *shape: trial.rng.standard_normal(shape),
            "tolfun": 1e-5,
            "tolx": 1e-5,
            "verbose": -9,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of one-dimensional problems
            strategy = cma.CMAEvolutionStrategy(begun.astype(np.float64), sigma, options)
        while not strategy.stop():
            asked = strategy.ask()
            unit = np.clip(np.array(asked), 0, 1).astype(np.float32)
            strategy.tell(asked, trial(unit).tolist())
