"""Small changes of a unit vector, by the kind of each parameter."""

from __future__ import annotations

import numpy as np

from synthgym.parameters import ParameterSpace, Unit


def varied(space: ParameterSpace, unit: Unit, sigma: float, rng: np.random.Generator) -> Unit:
    """Return a unit vector (n,) that differs from another in at least one parameter, in one on average.

    Numbers move by a normal of standard deviation ``sigma``, or at least to the next step, and are
    reflected at 0 and 1; a category is replaced by a random one.

    Args:
        space: the parameters.
        unit: float32 (n,) in [0, 1].
        sigma: of the range of a parameter, above 0.
        rng: the generator that is drawn from.

    Returns:
        A new float32 vector (n,) in [0, 1], not brought to the parameters' steps.
    """
    size = len(space)
    chosen = rng.random(size) < 1 / size
    chosen[rng.integers(size)] = True
    moves = sigma * rng.standard_normal(size)
    # A whole number that moves by less may stay where it is.
    moves = np.copysign(np.maximum(np.abs(moves), space.apart), moves)
    moved = np.abs(unit + moves) % 2
    moved = np.where(moved > 1, 2 - moved, moved)
    moved = np.where(space.categorical, rng.random(size), moved)
    changed: Unit = np.where(chosen, moved, unit).astype(np.float32)
    return changed
