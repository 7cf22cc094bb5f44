"""Hill climbers side by side, the worse half of them given up again and again.

Successive halving (Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed Bandits", ICML 2013):
where a climb leads is not seen at its start, so that each of many may go on for a while.
"""

from __future__ import annotations

import numpy as np

from ..trials.agent import Agent
from ..trials.trial import Trial
from .hill_climber import step

STARTS = 64
"""Patches of the pool that are rendered first, and all presets that it begins with, if they are no more than
the share of the budget below."""
SHARE = 8
CLIMBERS = 32
BATCH = 32
"""Renders asked for at once: enough for several cores."""


class Halving(Agent):
    """Hill climbers from the best of the pool and of what is known, in rounds of equal budgets."""

    def search(self, trial: Trial) -> None:
        """Climb until the budget is spent."""
        known = trial.best
        unit = trial.starts(max(1, min(max(STARTS, trial.pool.known), trial.budget // SHARE)))
        far = trial(unit)
        if known is not None and known.unit is not None:
            unit, far = np.vstack([unit, known.unit]), np.append(far, known.distance)
        begun, climbers = trial.spent, CLIMBERS
        rounds = 1 + int(np.log2(CLIMBERS))
        for number in range(1, rounds + 1):
            best = np.argsort(far, kind="stable")[:climbers]
            unit, far = unit[best], far[best]
            # The last is ended by the budget.
            while number == rounds or trial.spent < begun + (1 - begun) * number / rounds:
                each = np.repeat(np.arange(len(unit)), max(1, BATCH // len(unit)))
                there = np.stack([step(trial, unit[climber]) for climber in each])
                for climber, stepped, found in zip(each, there, trial(there), strict=True):
                    if found <= far[climber]:
                        unit[climber], far[climber] = stepped, found
            climbers //= 2
