"""The power spectra of sixteen frames side by side.

A real frame of 2 N samples is taken for N complex numbers, the even samples and i times the odd ones, whose
transform is taken apart into the frame's (as in Press et al., "Numerical Recipes", 12.3). The transform of N
is done in place by factors of 4, 2, 3 and 5 (Cooley and Tukey, 1965, decimation in frequency) and leaves its
results in an order of its own, which is looked up and not mended.

Sixteen of N complex numbers are an array (2 N WIDTH,) float32: real lanes, imaginary lanes, and so on.
"""

from __future__ import annotations

import numpy as np
from numba import float32
from numpy.typing import NDArray

from synthgym.compiling import compiled
from synthgym.lanes import WIDTH, every, load, store

_PAIR = 2 * WIDTH
_angles = -2 * np.pi * np.arange(5) / np.arange(6).clip(1)[:, None]
_ROOTS = np.stack([np.cos(_angles), np.sin(_angles)], axis=2).astype(np.float32)
"""exp(-2 pi i j / r), real and imaginary, by r and j."""


def factors(points: int) -> list[int]:
    """Return the factors of a complex transform, 4, 2, 3 and 5, in the order of their passes."""
    found = []
    for factor in (4, 2, 3, 5):
        while points % factor == 0:
            found.append(factor)
            points //= factor
    if points != 1:
        raise ValueError("a transform's length has other prime factors than 2, 3 and 5")
    return found


def rotations(points: int) -> NDArray[np.float32]:
    """Return what the passes of a complex transform multiply by, (count, 2): of each by place, then part.

    After a pass by r over blocks of n, part m at place j is turned by exp(-2 pi i j m / n), both from 1 on.
    """
    turns, left = [np.zeros(0)], points
    for factor in factors(points):
        turns.append((np.outer(np.arange(1, left // factor), np.arange(1, factor)) / left).ravel())
        left //= factor
    angles = 2 * np.pi * np.concatenate(turns)
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1).astype(np.float32)


def places(points: int) -> NDArray[np.int64]:
    """Return where a complex transform leaves each frequency, (points,)."""
    frequencies, done = np.zeros(1, int), 1
    for factor in factors(points):
        frequencies = (frequencies[:, None] + done * np.arange(factor)).ravel()
        done *= factor
    return np.argsort(frequencies)


def halves(points: int) -> NDArray[np.float32]:
    """Return exp(-pi i k / points), k to points / 2, (count, 2), which joins even and odd samples."""
    angles = np.pi * np.arange(points // 2 + 1) / points
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1).astype(np.float32)


@compiled
def _put(z, place, real, imaginary, turns, turn, turned):
    """Put a pass's part in its place, turned if it is to be."""
    if turned:
        c, s = turns[turn, 0], turns[turn, 1]
        store(z, place, real * c - imaginary * s)
        store(z, place + WIDTH, real * s + imaginary * c)
    else:
        store(z, place, real)
        store(z, place + WIDTH, imaginary)


@compiled
def _by_four(z, begin, part, turns, turn):
    for j in range(part):
        a, b = (begin + j) * _PAIR, (begin + j + part) * _PAIR
        c, d = (begin + j + 2 * part) * _PAIR, (begin + j + 3 * part) * _PAIR
        even, even_i = load(z, a) + load(z, c), load(z, a + WIDTH) + load(z, c + WIDTH)
        apart, apart_i = load(z, a) - load(z, c), load(z, a + WIDTH) - load(z, c + WIDTH)
        odd, odd_i = load(z, b) + load(z, d), load(z, b + WIDTH) + load(z, d + WIDTH)
        skew, skew_i = load(z, b) - load(z, d), load(z, b + WIDTH) - load(z, d + WIDTH)
        t = turn + 3 * (j - 1)
        _put(z, a, even + odd, even_i + odd_i, turns, t, False)
        _put(z, b, apart + skew_i, apart_i - skew, turns, t, j > 0)
        _put(z, c, even - odd, even_i - odd_i, turns, t + 1, j > 0)
        _put(z, d, apart - skew_i, apart_i + skew, turns, t + 2, j > 0)


@compiled
def _by_any(z, begin, factor, part, turns, turn, sums):
    """A pass as it is defined, for the few that are not by four; sums is memory."""
    for j in range(part):
        for m in range(factor):
            real, imaginary = every(float32(0)), every(float32(0))
            for i in range(factor):
                place = (begin + j + i * part) * _PAIR
                c, s = _ROOTS[factor, i * m % factor, 0], _ROOTS[factor, i * m % factor, 1]
                real = real + (load(z, place) * c - load(z, place + WIDTH) * s)
                imaginary = imaginary + (load(z, place) * s + load(z, place + WIDTH) * c)
            t = turn + (factor - 1) * (j - 1) + m - 1
            _put(sums, m * _PAIR, real, imaginary, turns, t, j > 0 and m > 0)
        for m in range(factor):
            place = (begin + j + m * part) * _PAIR
            store(z, place, load(sums, m * _PAIR))
            store(z, place + WIDTH, load(sums, m * _PAIR + WIDTH))


@compiled
def _pass(z, begin, factor, part, turns, turn, sums):
    if factor == 4:
        _by_four(z, begin, part, turns, turn)
    else:
        _by_any(z, begin, factor, part, turns, turn, sums)


@compiled
def transform(z, factors, turns, memory):
    """Transform complex numbers in place, to the order of ``places``; memory has 10 WIDTH numbers or more.

    Args:
        z: float32; for each point WIDTH real and then WIDTH imaginary parts, of as many transforms side by
            side.
        factors: of the number of points, as ``factors`` gives them.
        turns: as ``rotations`` gives them.
        memory: float32; what is in it is lost.
    """
    points = len(z) // _PAIR
    first = points // factors[0]
    _pass(z, 0, factors[0], first, turns, 0, memory)
    # All further passes over one block, which the nearest cache holds, before those over the next.
    for block in range(0, points, first):
        size, turn = first, (first - 1) * (factors[0] - 1)
        for i in range(1, len(factors)):
            part = size // factors[i]
            for begin in range(block, block + first, size):
                _pass(z, begin, factors[i], part, turns, turn, memory)
            turn += (part - 1) * (factors[i] - 1)
            size = part


@compiled
def power(z, places, halves, powers):
    """Write the powers (bins WIDTH,), times 4, of the real frames whose transform z is.

    Args:
        z: as ``transform`` leaves it.
        places: as the function of this name gives them, of so many points.
        halves: as the function of this name gives them, of so many points.
        powers: float32, written; of each bin, WIDTH frames side by side.
    """
    points = len(places)
    for k in range(len(halves)):
        here, there = places[k] * _PAIR, places[points - k if k > 0 else 0] * _PAIR
        even, even_i = load(z, here) + load(z, there), load(z, here + WIDTH) - load(z, there + WIDTH)
        odd, odd_i = load(z, here + WIDTH) + load(z, there + WIDTH), load(z, there) - load(z, here)
        c, s = halves[k, 0], halves[k, 1]
        turned, turned_i = odd * c - odd_i * s, odd * s + odd_i * c
        real, imaginary = even + turned, even_i + turned_i
        store(powers, k * WIDTH, real * real + imaginary * imaginary)
        real, imaginary = even - turned, even_i - turned_i
        store(powers, (points - k) * WIDTH, real * real + imaginary * imaginary)
