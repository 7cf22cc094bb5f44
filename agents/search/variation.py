"""Small changes of a unit vector, by the kind of each parameter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import ParameterSpace, Unit


def categories(space: ParameterSpace) -> NDArray[np.bool_]:
    """Return which free parameters have values without an order, (n,)."""
    return np.array([p.kind == "categorical" for p in space.free])


def varied(space: ParameterSpace, unit: Unit, sigma: float, rng: np.random.Generator) -> Unit:
    """Return a unit vector (n,) that differs from another in at least one parameter, in one on average.

    Numbers move by a normal of standard deviation ``sigma``, or at least to the next step, and are
    reflected at 0 and 1; a category is replaced by a random one.
    """
    size = len(space)
    chosen = rng.random(size) < 1 / size
    chosen[rng.integers(size)] = True
    moves = sigma * rng.standard_normal(size)
    # A whole number that moves by less may stay where it is.
    step = np.array([1 / (p.steps - 1) if p.steps else 0 for p in space.free])
    moves = np.copysign(np.maximum(np.abs(moves), step), moves)
    moved = np.abs(unit + moves) % 2
    moved = np.where(moved > 1, 2 - moved, moved)
    moved = np.where(categories(space), rng.random(size), moved)
    changed: Unit = np.where(chosen, moved, unit).astype(np.float32)
    return changed
