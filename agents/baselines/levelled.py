"""A lookup in a data set that is deaf to loudness, and what it finds made as loud as the target."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthgym.datasets import load
from synthgym.features import Features
from synthgym.features import distance as far_from
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .lookup import examples, nearest_rows
from .nearest import MOST, Nearest

TRIED = 100
"""Neighbours of which the loudness is tried."""
ONE_NOTE = 3
"""Axes of the features of sounds at one note each."""
DECIBELS = np.arange(-18, 18.1, 1.5)
"""Louder or softer by so much."""


class Levelled(Nearest):
    """Renders the examples of a data set that would be nearest to the target at another loudness, each at
    that loudness, the nearest first.

    How near an example would be is told from its features, without a render: louder, they are others by a
    rule, and the synth knows which of its levels makes a patch louder. Where either is not known, or the set
    has several notes an item, it is ``nearest``.
    """

    def _looked_up(self, target: Features) -> Unit:
        if target.ndim > ONE_NOTE:
            return super()._looked_up(target)
        return levelled(self._task, self._path, target, MOST)


def levelled(task: SoundMatchingTask, path: Path, target: Features, count: int) -> Unit:
    """Return what is nearest to a target in a data set, the first 100 at the loudness where they are nearest.

    Args:
        task: of the data set, compared by its feature.
        path: folder of the data set.
        target: features (1, frames, bins).
        count: how many, 1 or more; fewer if the set has fewer.

    Returns:
        Float32 (count, n) in [0, 1], the nearest first.
    """
    rows = nearest_rows(path, task.feature_name, target, count)
    dataset = load(path)
    near: Unit = examples(dataset.parameters, rows)
    found = examples(dataset.features[task.feature_name], rows[:TRIED]).astype(np.float32)
    best = near[:TRIED].copy()
    native = task.space.to_native(best)
    far = far_from(found, target)
    before = np.zeros(len(native))
    for decibels in DECIBELS:
        louder, by = task.synth.louder(native, decibels)
        unit = task.space.to_unit(louder)
        # What is frozen stays as it is, so that the patch is another.
        possible = (by != 0) & (by != before) & (task.space.to_native(unit) == louder).all(axis=1)
        before = by
        for change in np.unique(by[possible]):
            those = np.flatnonzero(possible & (by == change))
            heard = task.feature.louder(found[those], float(change))
            if heard is None:
                return near
            now = far_from(heard, target)
            nearer = now < far[those]
            far[those[nearer]], best[those[nearer]] = now[nearer], unit[those[nearer]]
    order = np.argsort(far, kind="stable")
    return np.concatenate([best[order], near[TRIED:]])
