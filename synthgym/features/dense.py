"""Layers of a network, frame by frame: the same sums in the same order on every machine."""

from __future__ import annotations

from pathlib import Path

from numba import float32

from synthgym import lanes
from synthgym.compiling import keep, released
from synthgym.lanes import WIDTH, every, load, store


@released
def dense(inputs, weights, outputs):
    """Add to outputs (n, units) the products of inputs (n, values) and weights (values, units).

    Args:
        inputs: float32.
        weights: float32; units are a whole number of times WIDTH.
        outputs: float32, written: what is there, as biases, is added to.
    """
    for row in range(len(inputs)):
        for unit in range(0, outputs.shape[1], WIDTH):
            total = every(float32(0))
            for value in range(len(weights)):
                total = total + load(weights[value], unit) * inputs[row, value]
            store(outputs[row], unit, load(outputs[row], unit) + total)


keep(dense, [Path(path) for path in (__file__, lanes.__file__)])
