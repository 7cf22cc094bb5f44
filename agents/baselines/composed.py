"""Patches that are put together from layers of others, what sounds most like the target first."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from synthgym.features import Features
from synthgym.parameters import ParameterSpace, Unit
from synthgym.task import SoundMatchingTask

from ..trials.trial import Trial
from .index import state_of
from .layers import LayerSet
from .levelled import ONE_NOTE, Levelled

COUNT = 60
"""Patches that are put together for a target."""
GUESSES, SHARE = 10, 20
"""So many patches are its guess, at most, and no more than the share of the budget."""


class Composed(Levelled):
    """Renders patches that are put together from layers of those of a data set, and, in turn with them, what
    ``levelled`` finds in it.

    A patch of several layers sounds like their sum: of thousands of layers that were rendered once it is
    known, without another render, what very many patches sound like. Of a synth of whose layers nothing is
    known, or where notes vary, it is ``levelled``.
    """

    def guess(self, trial: Trial) -> None:
        """Render the first ones, as which of them is nearest is known by then only."""
        trial(self._neighbours(trial)[: max(1, min(GUESSES, trial.most // SHARE))])

    def _neighbours(self, trial: Trial) -> Unit:
        if self._plays_one_note:
            trial.count_offline(f"layers of {self._path}", self._layers().renders)
        return super()._neighbours(trial)

    def _looked_up(self, target: Features) -> Unit:
        near = super()._looked_up(target)
        if target.ndim > ONE_NOTE or not self._plays_one_note:
            return near
        return in_turn(composed(self._layers(), self._task.space, target), near)

    @property
    def _plays_one_note(self) -> bool:
        return not self._task.note.varies and self._task.notes_per_target == 1

    def _layers(self) -> LayerSet:
        return _layers_of(self._task, self._path, state_of(self._path))


def composed(layers: LayerSet, space: ParameterSpace, target: Features) -> Unit:
    """Return patches that are put together from layers, the nearest to a target first.

    Args:
        layers: to put together.
        space: of the patches; what is frozen in it stays as it is.
        target: features (1, frames, bins) of the task of the layers.

    Returns:
        Float32 (up to 60, n) in [0, 1].
    """
    native = layers.nearest(target, COUNT)
    unit = space.to_unit(native)
    possible: Unit = unit[(space.to_native(unit) == native).all(axis=1)]
    return possible


def in_turn(first: Unit, second: Unit) -> Unit:
    """Return one patch after the other, of two lists in turn.

    Args:
        first: float32 (a, n).
        second: float32 (b, n).

    Returns:
        Float32 (a + b, n); those that are left of the longer come last.
    """
    both = chain.from_iterable(zip_longest(first, second))
    return np.stack([unit for unit in both if unit is not None])


@lru_cache(1)
def _layers_of(task: SoundMatchingTask, path: Path, state: str) -> LayerSet:
    """Return the layers of a data set, opened once in a process for each state of it."""
    return LayerSet(task, path)
