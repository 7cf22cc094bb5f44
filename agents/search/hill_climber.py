"""Hill climbing: one small change at a time, kept if it is no worse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Unit

from ..trials.agent import Agent
from ..trials.trial import Trial
from .variation import varied

STARTS = 20
LEAST, MOST = 0.01, 0.3
"""The size of a change is random between them, on a logarithmic scale: coarse and fine at any time."""


class HillClimber(Agent):
    """A (1+1) evolution strategy with steps of all sizes."""

    def search(self, trial: Trial) -> None:
        """Climb until the budget is spent."""
        here, far = trial.start_point(STARTS)
        while True:
            there = step(trial, here)
            found = float(trial(there[None])[0])
            if found <= far:
                here, far = there, found


def step(trial: Trial, here: Unit) -> Unit:
    """Return a unit vector (n,) that is a small change away from another.

    Args:
        trial: whose space and generator are taken.
        here: float32 (n,) in [0, 1].

    Returns:
        A new float32 vector (n,) in [0, 1].
    """
    sigma = float(np.exp(trial.rng.uniform(np.log(LEAST), np.log(MOST))))
    return varied(trial.space, here, sigma, trial.rng)


def nearest_steps(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return which of its K steps each of N climbs takes: the nearest, if it is no farther.

    Args:
        here: distances where the climbs are, (N,).
        there: where their steps lead, (N, K).

    Returns:
        Numbers of steps, int64 (N,), -1 for none.
    """
    return np.where(there.min(axis=1) <= here, there.argmin(axis=1), -1)
