"""Several answers to one target, that sound different from each other."""

from __future__ import annotations

from dataclasses import dataclass

from synthgym.features import Features, distance
from synthgym.parameters import Unit

APART = 0.1
"""Two sounds nearer than this are one answer."""


@dataclass(frozen=True)
class Answer:
    """A sound that is near the target.

    Attributes:
        unit: its unit vector (n,).
        distance: how far it is from the target.
        render: which render it was, from 1.
        feature: the feature of it by which distances are measured (frames, bins).
    """

    unit: Unit
    distance: float
    render: int
    feature: Features


class Answers:
    """The nearest sounds so far, of those that sound alike only the nearest.

    Args:
        most: how many are kept.

    Attributes:
        best: them, the nearest first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.best: list[Answer] = []

    def add(self, new: Answer) -> None:
        """Take up a sound, if it is one of the nearest, and no nearer one sounds like it."""
        if len(self.best) == self._most and new.distance >= self.best[-1].distance:
            return
        nearer = [a for a in self.best if a.distance <= new.distance]
        if any(_alike(a, new) for a in nearer):
            return
        farther = [a for a in self.best[len(nearer) :] if not _alike(a, new)]
        self.best = [*nearer, new, *farther][: self._most]


def _alike(a: Answer, b: Answer) -> bool:
    return bool(distance(a.feature[None], b.feature[None])[0] < APART)
