"""Hill climbers side by side, the worse half of them given up again and again.

Successive halving (Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed Bandits", ICML 2013):
where a climb leads is not seen at its start, so that each of many may go on for a while. A quarter of the
steps is made of earlier ones, by what those did to the sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from synthgym.parameters import Unit
from synthgym.rendering import Rendered

from ..trials.agent import Agent
from ..trials.trial import Trial
from .effects import Effects
from .hill_climber import nearest_steps, step

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
        known, best = trial.known, trial.best
        unit = first_starts(trial)
        drawn = trial.spent
        climbs = _Climbs(trial)
        climbs.join(unit, trial.render(unit), trial.distances[-len(unit) :])
        left = left_at_speed(trial, len(unit), drawn)
        if known is not None and best is not None:
            climbs.join(*known, [best.distance])
        for climbers, steps in rounds(trial, left):
            climbs.keep(climbers)
            climbs.advance(steps)


class _Climbs:
    """Hill climbers side by side: where each is, (N, n), and how far from the target, (N,); at first none.

    Args:
        trial: renders.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial, self._effects = trial, Effects(trial)
        self._unit, self._far = np.empty((0, len(trial.space)), np.float32), np.empty(0)

    def join(self, unit: Unit, rendered: Rendered, far: Sequence[float]) -> None:
        """Climb from more patches, too: unit vectors (B, n), as they were rendered, and their distances."""
        self._unit, self._far = np.concatenate([self._unit, unit]), np.concatenate([self._far, far])
        self._effects.join(rendered.features[0])

    def keep(self, count: int) -> None:
        """Go on with so many, the nearest."""
        if count < len(self._far):
            nearest = np.argsort(self._far, kind="stable")[:count]
            self._unit, self._far = self._unit[nearest], self._far[nearest]
            self._effects.keep(nearest)

    def advance(self, count: int) -> None:
        """Render so many steps of each, and go where it is no farther."""
        trial, here = self._trial, self._unit
        plain = np.stack([[step(trial, unit) for _ in range(count)] for unit in here])
        there = self._effects.mixed(here, plain)
        rendered = trial.render(there.reshape(-1, there.shape[2]))
        far = np.array(trial.distances[-len(here) * count :]).reshape(len(here), count)
        taken = nearest_steps(self._far, far)
        self._effects.learn(here, there, rendered.features[0], taken)
        (gone,) = np.nonzero(taken >= 0)
        self._unit = here.copy()
        self._unit[gone], self._far[gone] = there[gone, taken[gone]], far[gone, taken[gone]]


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
