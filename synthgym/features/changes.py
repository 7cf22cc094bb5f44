"""Distances of sounds that are not rendered: a sound's features, and changes of them."""

from __future__ import annotations

from pathlib import Path

from numba import float32

from synthgym import lanes
from synthgym.compiling import compiled, keep, released
from synthgym.lanes import WIDTH, at_least, at_most, every, load, store


@compiled
def size_of(values):
    """Return absolute values."""
    return at_least(values, float32(0)) - at_most(values, float32(0))


@compiled
def ratio(difference, size, buffer):
    """Return the distance of two sounds.

    Args:
        difference: lanes of sums of how far their values are apart.
        size: lanes of sums of the sizes of both.
        buffer: float32 (2 WIDTH,), written.
    """
    store(buffer, 0, difference)
    store(buffer, WIDTH, size)
    apart = total = float32(0)
    for lane in range(WIDTH):
        apart += buffer[lane]
        total += buffer[WIDTH + lane]
    total += apart
    return 2 * apart / total if total > 0 else float32(0)


@released
def distances_of_changed(sound, changes, rows, scales, floor, target, buffer, far):
    """Write the distances of a sound, changed by one of many changes, from a target.

    They are those of ``synthgym.features.distance``. All but ``rows`` and ``far`` are as long as a whole
    number of times WIDTH; what is beyond the values is zero.

    Args:
        sound: float32 (values,).
        changes: float32 (kept, values).
        rows: int64 (n,), which of the changes.
        scales: float32 (n,), how many times each is added.
        floor: float32; no value of a changed sound is less.
        target: float32 (values,).
        buffer: float32 (2 WIDTH,), written.
        far: float32 (n,), written.
    """
    aim = every(float32(0))
    for i in range(0, len(target), WIDTH):
        aim = aim + size_of(load(target, i))
    for k in range(len(rows)):
        change, scale = changes[rows[k]], scales[k]
        difference, size = every(float32(0)), aim
        for i in range(0, len(target), WIDTH):
            heard = at_least(load(sound, i) + load(change, i) * scale, floor)
            difference = difference + size_of(heard - load(target, i))
            size = size + size_of(heard)
        far[k] = ratio(difference, size, buffer)


keep(distances_of_changed, [Path(path) for path in (__file__, lanes.__file__)])
