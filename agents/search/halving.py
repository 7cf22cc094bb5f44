"""Hill climbers side by side, the worse half of them given up again and again.

Successive halving (Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed Bandits", ICML 2013):
where a climb leads is not seen at its start, so that each of many may go on for a while.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synthgym.parameters import Unit

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
        unit = first_starts(trial)
        drawn = trial.spent
        far = trial(unit)
        left = left_at_speed(trial, len(unit), drawn)
        if known is not None and known.unit is not None:
            unit, far = np.vstack([unit, known.unit]), np.append(far, known.distance)
        for climbers, steps in rounds(trial, left):
            if climbers < len(far):
                best = np.argsort(far, kind="stable")[:climbers]
                unit, far = unit[best], far[best]
            each = np.repeat(np.arange(len(unit)), steps)
            there = np.stack([step(trial, unit[climber]) for climber in each])
            for climber, stepped, found in zip(each, there, trial(there), strict=True):
                if found <= far[climber]:
                    unit[climber], far[climber] = stepped, found


def first_starts(trial: Trial) -> Unit:
    """Return the patches of the pool (count, n) that are rendered first."""
    return trial.starts(max(1, min(max(STARTS, trial.pool.known), trial.most // SHARE)))


def left_at_speed(trial: Trial, renders: int, before: float) -> float:
    """Return how many renders are left of a trial, as the latest so many took it on from a share ``before``.

    Where time ends the search, it is as many as can be rendered in it at their speed.

    Args:
        trial: whose share that is spent is looked at.
        renders: how many were made since ``before``.
        before: the share of the trial that was spent by then, in [0, 1].

    Returns:
        A number of renders, 0 or more, not rounded.
    """
    return renders * (1 - trial.spent) / max(trial.spent - before, 1e-9)


def rounds(trial: Trial, left: float) -> Iterator[tuple[int, int]]:
    """Divide what is left of a trial into rounds of equal budgets, each with half of the climbers before.

    Args:
        trial: whose end ends the last round.
        left: renders.

    Yields:
        For each batch, how many climbers there are, and how many steps of each are rendered.
    """
    halvings = int(np.log2(np.clip(left / EACH, 1, CLIMBERS)))
    batch, begun = int(np.clip(left / BATCHES, *BATCH)), trial.spent
    for number in range(halvings + 1):
        climbers = 2 ** (halvings - number)
        until = begun + (1 - begun) * (number + 1) / (halvings + 1)
        while number == halvings or trial.spent < until:
            yield climbers, max(1, batch // climbers)
