"""Genetic algorithms of pymoo (Blank and Deb, "pymoo: Multi-Objective Optimization in Python", 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgym.parameters import Unit

from ..trials.agent import Agent
from ..trials.trial import Trial
from .variation import varied

POPULATION = 50
_SIGMA = 0.2
"""Of the variations of a guess that the population begins with."""
_SHARE = 0.7
"""Of the children that are crossed; all of them vary."""


class GA(Agent):
    """A genetic algorithm with one objective: the distance."""

    def search(self, trial: Trial) -> None:
        """Breed until the budget is spent."""
        from pymoo.algorithms.soo.nonconvex.ga import GA as Algorithm

        _breed(trial, Algorithm, objectives=1)


class NSGA3(Agent):
    """NSGA-III (Deb and Jain, 2014) with the distance by each feature as an objective."""

    def search(self, trial: Trial) -> None:
        """Breed until the budget is spent."""
        from pymoo.algorithms.moo.nsga3 import NSGA3 as Algorithm
        from pymoo.util.ref_dirs import get_reference_directions

        objectives = len(trial.target.features)
        directions = get_reference_directions("energy", objectives, POPULATION, seed=1)
        _breed(trial, Algorithm, objectives=objectives, ref_dirs=directions)


def _breed(trial: Trial, kind: Any, objectives: int, **options: Any) -> None:
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination
    from pymoo.operators.crossover.sbx import SBX

    class Varied(Mutation):  # type: ignore[misc]
        """Changes of the size that the parameters' kinds ask for."""

        def _do(self, problem: Any, x: Any, **_: Any) -> Any:
            sigmas = np.exp(trial.rng.uniform(np.log(0.01), np.log(0.3), len(x)))
            pairs = zip(x.astype(np.float32), sigmas, strict=True)
            return np.stack([varied(trial.space, row, sigma, trial.rng) for row, sigma in pairs])

    algorithm = kind(
        pop_size=POPULATION,
        sampling=_first(trial).astype(np.float64),
        crossover=SBX(prob=_SHARE, eta=15),
        mutation=Varied(prob=1.0),
        **options,
    )
    problem = Problem(n_var=len(trial.space), n_obj=objectives, xl=0.0, xu=1.0)
    algorithm.setup(problem, termination=NoTermination(), seed=int(trial.rng.integers(2**31)))
    while True:
        asked = algorithm.ask()
        far = trial.by_feature(asked.get("X").astype(np.float32))
        asked.set("F", far[:, :objectives])
        algorithm.tell(infills=asked)


def _first(trial: Trial) -> Unit:
    """Return the first population: what the pool has, or a guess and variations of it."""
    if trial.found is None:
        return trial.starts(POPULATION)
    space, guess = trial.space, trial.found
    return np.stack([guess, *(varied(space, guess, _SIGMA, trial.rng) for _ in range(POPULATION - 1))])
