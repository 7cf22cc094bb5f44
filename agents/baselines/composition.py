"""Which layers together sound most like a target, told from the powers of each alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synthgym.features import Features
from synthgym.features.powers import SHORT
from synthgym.features.sums import distances_of_sums, distances_of_whole_sums
from synthgym.lanes import WIDTH

DECIBELS = np.arange(-30.0, 1, 5)
"""By how much a layer is louder than alone."""
ROWS = 2000
"""Layers that are tried beside others, about: half of them those that are nearest alone, and some others."""
HEARD = 150
"""So many of them, the nearest by the short windows, are heard by the long ones, too."""
BEAM = 8
"""Sums that are gone on with."""
SWAPS, SWAPPED = 2, 4
"""So often each layer of the nearest sums, so many, is exchanged for others."""


@dataclass(frozen=True)
class Sum:
    """Layers together.

    Attributes:
        far: the distance that their powers are from the target's.
        rows: which layers.
        decibels: of each.
    """

    far: float
    rows: tuple[int, ...]
    decibels: tuple[float, ...]

    def with_layer(self, row: int, decibels: float, far: float) -> Self:
        """Return the sum with one more layer.

        Args:
            row: which.
            decibels: of it.
            far: of the sum.

        Returns:
            The sum.
        """
        return type(self)(far, (*self.rows, row), (*self.decibels, decibels))

    def without(self, place: int) -> Self:
        """Return the sum without one of its layers, its distance unknown."""
        rows, decibels = list(self.rows), list(self.decibels)
        del rows[place], decibels[place]
        return type(self)(np.nan, tuple(rows), tuple(decibels))


class Layers:
    """Sounds that can be added.

    Args:
        powers: float32 (L, values) of each, as ``synthgym.features.powers`` returns them.
        exclusive: of which of them a sum has one at most, (L,).
        most: how many a sum has at most.
    """

    def __init__(self, powers: Features, exclusive: NDArray[np.bool_], most: int) -> None:
        self._powers, self._exclusive, self._most = powers, exclusive, most
        self._gains = (10 ** (DECIBELS / 10)).astype(np.float32)

    def nearest(self, target: Features, count: int) -> list[Sum]:
        """Return the sums that are nearest to a target, of those that a search found, the nearest first.

        It goes on from the nearest sums of one layer to those of two, and so on, and then exchanges layers of
        the nearest, as no layer is chosen in view of those that come after it.

        Args:
            target: as ``synthgym.features.powers.aim`` returns it, (values,).
            count: how many, at most.

        Returns:
            The sums, each of other layers.
        """
        every, nothing = np.arange(len(self._powers)), Sum(np.nan, (), ())
        rows, far, _ = self._tried(nothing, every, target, ROWS)
        near = rows[np.argsort(far, kind="stable")][: ROWS // 2]
        others = np.delete(every, near)
        tried = np.concatenate([near, others[:: max(1, len(others) * 2 // ROWS)]])
        front = found = self._added(nothing, near, target)
        for _ in range(self._most - 1):
            front = _first([new for each in front for new in self._added(each, tried, target)], BEAM)
            found = found + front
        for _ in range(SWAPS):
            for each in _first(found, SWAPPED):
                for place in range(len(each.rows)):
                    found = found + self._added(each.without(place), tried, target)
        return _first(found, count)

    def _added(self, base: Sum, rows: NDArray[np.int64], target: Features) -> list[Sum]:
        """Return the nearest sums of some layers and one more of others, each at its best level."""
        if self._exclusive[list(base.rows)].any():
            rows = rows[~self._exclusive[rows]]
        rows = rows[~np.isin(rows, base.rows)]
        rows, far, decibels = self._tried(base, rows, target, HEARD)
        best = np.argsort(far, kind="stable")[:BEAM]
        return [base.with_layer(int(rows[i]), float(decibels[i]), float(far[i])) for i in best]

    def _tried(
        self, base: Sum, rows: NDArray[np.int64], target: Features, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
        """Return the layers that are likely to be nearest beside a sum, (n,), how far, and at which level.

        The level of each, and which are likely, is told from the short windows; the long ones, which hear
        pitch, take several times as long.
        """
        powers = np.zeros(self._powers.shape[1], np.float32)
        for row, decibels in zip(base.rows, base.decibels, strict=True):
            powers += self._powers[row] * np.float32(10 ** (decibels / 10))
        buffer = np.empty(2 * WIDTH, np.float32)
        rough = np.empty((len(rows), len(self._gains)), np.float32)
        distances_of_sums(powers, self._powers, rows, self._gains, target[:SHORT], buffer, rough)
        likely = np.argsort(rough.min(axis=1), kind="stable")[:count]
        rows, levels = rows[likely], rough[likely].argmin(axis=1)
        far, gains = np.empty(len(rows), np.float32), self._gains[levels]
        partials = np.empty(((len(powers) - SHORT) // WIDTH, WIDTH), np.float32)
        distances_of_whole_sums(powers, self._powers, rows, gains, target, SHORT, partials, buffer, far)
        return rows, far, DECIBELS[levels]


def _first(sums: list[Sum], count: int) -> list[Sum]:
    """Return the nearest sums, each of other layers."""
    nearest: dict[frozenset[int], Sum] = {}
    for each in sorted(sums, key=lambda one: one.far):
        nearest.setdefault(frozenset(each.rows), each)
    return list(nearest.values())[:count]
