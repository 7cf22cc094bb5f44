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
"""At most; of a small budget every climber has EACH renders, as fewer lead nowhere."""
EACH = 400
BATCHES = 256
BATCH = 8, 32
"""The budget is spent in so many batches, of at least and at most so many renders: small ones learn from each
other soon, large ones are enough for several cores."""


class Halving(Agent):
    """Hill climbers from the best of the pool and of what is known, in rounds of equal budgets."""

    def search(self, trial: Trial) -> None:
        """Climb until the budget is spent."""
        known = trial.best
        unit = trial.starts(max(1, min(max(STARTS, trial.pool.known), trial.budget // SHARE)))
        drawn = trial.spent
        far = trial(unit)
        begun = trial.spent
        # Where time ends the search, as many as can be rendered in it at the speed of the first.
        left = len(unit) * (1 - begun) / max(begun - drawn, 1e-9)
        if known is not None and known.unit is not None:
            unit, far = np.vstack([unit, known.unit]), np.append(far, known.distance)
        halvings = int(np.log2(np.clip(left / EACH, 1, CLIMBERS)))
        batch = int(np.clip(left / BATCHES, *BATCH))
        for number in range(halvings + 1):
            best = np.argsort(far, kind="stable")[: 2 ** (halvings - number)]
            unit, far = unit[best], far[best]
            # The last is ended by the budget.
            until = begun + (1 - begun) * (number + 1) / (halvings + 1)
            while number == halvings or trial.spent < until:
                each = np.repeat(np.arange(len(unit)), max(1, batch // len(unit)))
                there = np.stack([step(trial, unit[climber]) for climber in each])
                for climber, stepped, found in zip(each, there, trial(there), strict=True):
                    if found <= far[climber]:
                        unit[climber], far[climber] = stepped, found
