"""Distances of sounds that are not rendered: sums of sounds, by the powers of their bands.

Powers are added, as those of sounds that have nothing to do with each other are in the mean. All arrays of
them are (bands, WIDTH) laid end to end: WIDTH stretches of time, first of the bands of the short windows of
``multiresolution``, then of those of its long ones.
"""

from __future__ import annotations

from pathlib import Path

from numba import float32

from synthgym import lanes
from synthgym.compiling import keep, released
from synthgym.features import changes, loudness
from synthgym.features.changes import ratio, size_of
from synthgym.features.loudness import compressed, standing_out
from synthgym.lanes import WIDTH, every, load, store


@released
def distances_of_sums(base, parts, rows, gains, target, buffer, far):
    """Write the distances of a sound and one of many others together from a target, by the short windows.

    Args:
        base: float32 (values,), powers of a sound, of which a full-scale sine's is 1.
        parts: float32 (kept, values), powers of the others.
        rows: int64 (n,), which of them.
        gains: float32 (g,), by which their powers are multiplied.
        target: float32 (values of the short windows alone,), loudness.
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


@released
def distances_of_whole_sums(base, parts, rows, gains, target, short, partials, buffer, far):
    """Write the distances of a sound and one of many others together from a target, by all windows.

    Args:
        base: float32 (values,), powers of a sound, of which a full-scale sine's is 1.
        parts: float32 (kept, values), powers of the others.
        rows: int64 (n,), which of them.
        gains: float32 (n,), by which the powers of each are multiplied.
        target: float32 (values,), as ``multiresolution`` has them.
        short: how many of the values are of the short windows, of which a frame has two.
        partials: float32 (bands of the long windows, WIDTH), written.
        buffer: float32 (2 WIDTH,), written.
        far: float32 (n,), written.
    """
    for k in range(len(rows)):
        part, gain = parts[rows[k]], gains[k]
        difference, size = every(float32(0)), every(float32(0))
        for i in range(0, short, WIDTH):
            heard = compressed(load(base, i) + load(part, i) * gain)
            aim = load(target, i)
            difference = difference + size_of(heard - aim)
            size = size + heard + aim
        difference, size = difference + difference, size + size
        for band in range(len(partials)):
            i = short + band * WIDTH
            store(partials[band], 0, compressed(load(base, i) + load(part, i) * gain))
        for band in range(len(partials)):
            heard = standing_out(partials, band, 0)
            aim = load(target, short + band * WIDTH)
            difference = difference + size_of(heard - aim)
            size = size + heard + aim
        far[k] = ratio(difference, size, buffer)


_SOURCES = __file__, changes.__file__, lanes.__file__, loudness.__file__
keep(distances_of_sums, [Path(path) for path in _SOURCES])
keep(distances_of_whole_sums, [Path(path) for path in _SOURCES])
