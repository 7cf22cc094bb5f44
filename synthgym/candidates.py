"""The candidates that a random patch is chosen from: the first audible one is the patch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synthgym.parameters import ParameterSpace, Unit
from synthgym.rendering import Worker

BLOCK = 8  # candidates made at once; the accepted one does not depend on it
VARIATION = 0.1
"""How far patches are from the presets that they are made of, see ``ParameterSpace.jitter``."""
CROSSED = 0.5
"""The share of such patches that are of two presets; the others are of one."""


def uniform(space: ParameterSpace, rng: np.random.Generator) -> Iterator[Unit]:
    """Give batches of patches (some, n), every native value as likely as another, without an end.

    Args:
        space: the parameters.
        rng: the generator that is drawn from.

    Yields:
        Float32 unit vectors (8, n) in [0, 1], on the parameters' steps.
    """
    while True:
        yield space.sample(rng, BLOCK)


def human(worker: Worker, rng: np.random.Generator) -> Iterator[Unit]:
    """Give patches (1, n) such as people make, see ``Synth.human_like``, without an end.

    Args:
        worker: whose synth makes them.
        rng: the generator that is drawn from.

    Yields:
        Float32 unit vectors (1, n) in [0, 1], on the parameters' steps.
    """
    space = worker.space
    while True:
        yield space.quantise(space.to_unit(worker.synth.human_like([rng])))


def near(space: ParameterSpace, unit: Unit, jitter: float, rng: np.random.Generator) -> Iterator[Unit]:
    """Give variations (1, n) of a unit vector (n,) without an end.

    Args:
        space: the parameters.
        unit: the unit vector (n,) in [0, 1].
        jitter: a standard deviation, of the range of a parameter; see ``ParameterSpace.jitter``.
        rng: the generator that is drawn from.

    Yields:
        Float32 unit vectors (1, n) in [0, 1], on the parameters' steps.
    """
    while True:
        yield space.jitter(unit, jitter, rng)[None]


def of_presets(space: ParameterSpace, presets: Unit, rng: np.random.Generator) -> Iterator[Unit]:
    """Give variations (1, n) of presets (P, n), and of crossings of two of them, without an end.

    Args:
        space: the parameters.
        presets: unit vectors (P, n) in [0, 1], one or more.
        rng: the generator that is drawn from.

    Yields:
        Float32 unit vectors (1, n) in [0, 1], on the parameters' steps.
    """
    while True:
        one, other = presets[rng.integers(len(presets), size=2)]
        unit = crossed(one, other, rng) if rng.random() < CROSSED else one
        yield space.jitter(unit, VARIATION, rng)[None]


def crossed(one: Unit, other: Unit, rng: np.random.Generator) -> Unit:
    """Return a unit vector (n,) with a run of neighbouring parameters of one, and the rest of another.

    The first parameter is the neighbour of the last. Neighbours belong together, as those of an oscillator or
    an envelope do, and what somebody has set together is kept together.

    Args:
        one: the unit vector (n,) that the run is taken from: 1 to n - 1 parameters.
        other: the unit vector (n,) that the rest is taken from.
        rng: the generator that the place and the length of the run are drawn from.

    Returns:
        A new unit vector (n,).
    """
    count = len(one)
    begin, length = rng.integers(count), rng.integers(1, max(count, 2))
    return np.where((np.arange(count) - begin) % count < length, one, other)
