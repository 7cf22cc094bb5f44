"""Which examples of a data set are nearest to a sound."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.datasets import load
from synthgym.features import Features
from synthgym.parameters import Unit

from .index import Index, state_of


def neighbours(path: Path, feature: str, target: Features, count: int) -> Unit:
    """Return the unit vectors (count, n) of the training examples of a data set that are nearest to a target
    (1, frames, bins), the nearest first.

    Args:
        path: the folder of the data set.
        feature: the name of one of its features.
        target: float32.
        count: how many, 1 or more; fewer if the set has fewer.

    Returns:
        Float32 in [0, 1].
    """
    units: Unit = examples(load(path).parameters, nearest_rows(path, feature, target, count))
    return units


def nearest_rows(path: Path, feature: str, target: Features, count: int) -> NDArray[np.int64]:
    """Return the numbers (count,) of the examples that ``neighbours`` returns the parameters of.

    Args:
        path: the folder of the data set.
        feature: the name of one of its features.
        target: float32.
        count: how many, 1 or more; fewer if the set has fewer.

    Returns:
        Int64, the nearest first.
    """
    return _nearest_rows(path, feature, count, state_of(path), target.tobytes(), target.shape)


def examples(array: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows of an array of a data set, in their order.

    Args:
        array: one of the set's, of Zarr.
        rows: their numbers, each once.

    Returns:
        What the array has there.
    """
    order = np.sort(rows)  # as the array is read
    found: NDArray[Any] = array.oindex[order]
    return found[np.searchsorted(order, rows)]


@lru_cache(256)
def _nearest_rows(
    path: Path, feature: str, count: int, state: str, target: bytes, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return the numbers of what is nearest, once for all trials of a target in a state of a set."""
    aim: Features = np.frombuffer(target, np.float32).reshape(shape)
    return _index_of(path, feature, state).nearest(aim, count)


@lru_cache(1)
def _index_of(path: Path, feature: str, state: str) -> Index:
    """Return the index of a data set, made once in a process for each state of it."""
    return Index(path, feature, state)
