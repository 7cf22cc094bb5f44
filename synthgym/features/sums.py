"""Distances of sounds that are not rendered: sums of sounds, by the powers of their bands."""

from __future__ import annotations

from pathlib import Path

from numba import float32

from synthgym import lanes
from synthgym.compiling import keep, released
from synthgym.features import changes, loudness
from synthgym.features.changes import ratio, size_of
from synthgym.features.loudness import compressed
from synthgym.lanes import WIDTH, every, load


@released
def distances_of_sums(base, parts, rows, gains, target, buffer, far):
    """Write the distances of a sound and one of many others together from a target, both as loudness.

    Powers are added, as those of sounds that have nothing to do with each other are in the mean. Arrays of
    bands are as long as a whole number of times WIDTH; what is beyond the bands is zero.

    Args:
        base: float32 (bands,), powers of a sound, of which a full-scale sine's is 1.
        parts: float32 (kept, bands), powers of the others.
        rows: int64 (n,), which of them.
        gains: float32 (g,), by which their powers are multiplied.
        target: float32 (bands,), loudness.
        buffer: float32 (2 WIDTH,), written.
        far: float32 (n, g), written.
    """
    for k in range(len(rows)):
        part = parts[rows[k]]
        for g in range(len(gains)):
            difference, size = every(float32(0)), every(float32(0))
            for i in range(0, len(target), WIDTH):
                heard = compressed(load(base, i) + load(part, i) * gains[g])
                aim = load(target, i)
                difference = difference + size_of(heard - aim)
                size = size + heard + aim
            far[k, g] = ratio(difference, size, buffer)


keep(
    distances_of_sums,
    [Path(path) for path in (__file__, changes.__file__, lanes.__file__, loudness.__file__)],
)
