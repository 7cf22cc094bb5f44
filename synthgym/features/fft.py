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
from synthgym.features.lanes import WIDTH, load, store

_F = np.float32
_PAIR = 2 * WIDTH
_SIN_60 = _F(np.sin(np.pi / 3))
_COS_72, _COS_144 = _F(np.cos(2 * np.pi / 5)), _F(np.cos(4 * np.pi / 5))
_SIN_72, _SIN_144 = _F(np.sin(2 * np.pi / 5)), _F(np.sin(4 * np.pi / 5))
_HALF = _F(0.5)


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
    """Return what the passes of a complex transform multiply by, (count, 2): of each, by place and then part.

    After a pass by r over blocks of n, part m at place j is turned by exp(-2 pi i j m / n); m from 1, j from 1.
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
    """Return exp(-pi i k / points) of k to points / 2, (count, 2), by which even and odd samples are joined."""
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
def _by_two(z, begin, part, turns, turn):
    for j in range(part):
        a, b = (begin + j) * _PAIR, (begin + j + part) * _PAIR
        real, other = load(z, a), load(z, b)
        imaginary, other_i = load(z, a + WIDTH), load(z, b + WIDTH)
        _put(z, a, real + other, imaginary + other_i, turns, 0, False)
        _put(z, b, real - other, imaginary - other_i, turns, turn + j - 1, j > 0)


@compiled
def _by_three(z, begin, part, turns, turn):
    for j in range(part):
        a, b, c = (begin + j) * _PAIR, (begin + j + part) * _PAIR, (begin + j + 2 * part) * _PAIR
        first, first_i = load(z, a), load(z, a + WIDTH)
        both, both_i = load(z, b) + load(z, c), load(z, b + WIDTH) + load(z, c + WIDTH)
        skew, skew_i = load(z, b) - load(z, c), load(z, b + WIDTH) - load(z, c + WIDTH)
        skew, skew_i = skew * _SIN_60, skew_i * _SIN_60
        rest, rest_i = first - both * _HALF, first_i - both_i * _HALF
        t = turn + 2 * (j - 1)
        _put(z, a, first + both, first_i + both_i, turns, t, False)
        _put(z, b, rest + skew_i, rest_i - skew, turns, t, j > 0)
        _put(z, c, rest - skew_i, rest_i + skew, turns, t + 1, j > 0)


@compiled
def _by_five(z, begin, part, turns, turn):
    for j in range(part):
        a, step = (begin + j) * _PAIR, part * _PAIR
        b, c, d, e = a + step, a + 2 * step, a + 3 * step, a + 4 * step
        first, first_i = load(z, a), load(z, a + WIDTH)
        outer, outer_i = load(z, b) + load(z, e), load(z, b + WIDTH) + load(z, e + WIDTH)
        inner, inner_i = load(z, c) + load(z, d), load(z, c + WIDTH) + load(z, d + WIDTH)
        skew, skew_i = load(z, b) - load(z, e), load(z, b + WIDTH) - load(z, e + WIDTH)
        askew, askew_i = load(z, c) - load(z, d), load(z, c + WIDTH) - load(z, d + WIDTH)
        near = first + (outer * _COS_72 + inner * _COS_144)
        near_i = first_i + (outer_i * _COS_72 + inner_i * _COS_144)
        far = first + (outer * _COS_144 + inner * _COS_72)
        far_i = first_i + (outer_i * _COS_144 + inner_i * _COS_72)
        turning, turning_i = skew * _SIN_72 + askew * _SIN_144, skew_i * _SIN_72 + askew_i * _SIN_144
        back, back_i = skew * _SIN_144 - askew * _SIN_72, skew_i * _SIN_144 - askew_i * _SIN_72
        t = turn + 4 * (j - 1)
        _put(z, a, first + (outer + inner), first_i + (outer_i + inner_i), turns, t, False)
        _put(z, b, near + turning_i, near_i - turning, turns, t, j > 0)
        _put(z, c, far + back_i, far_i - back, turns, t + 1, j > 0)
        _put(z, d, far - back_i, far_i + back, turns, t + 2, j > 0)
        _put(z, e, near - turning_i, near_i + turning, turns, t + 3, j > 0)


@compiled
def _pass(z, begin, factor, part, turns, turn):
    if factor == 4:
        _by_four(z, begin, part, turns, turn)
    elif factor == 2:
        _by_two(z, begin, part, turns, turn)
    elif factor == 3:
        _by_three(z, begin, part, turns, turn)
    else:
        _by_five(z, begin, part, turns, turn)


@compiled
def transform(z, factors, turns):
    """Transform complex numbers in place, to the order of ``places``."""
    points = len(z) // _PAIR
    first = points // factors[0]
    _pass(z, 0, factors[0], first, turns, 0)
    # All further passes over one block, which the nearest cache holds, before those over the next.
    for block in range(0, points, first):
        size, turn = first, (first - 1) * (factors[0] - 1)
        for i in range(1, len(factors)):
            part = size // factors[i]
            for begin in range(block, block + first, size):
                _pass(z, begin, factors[i], part, turns, turn)
            turn += (part - 1) * (factors[i] - 1)
            size = part


@compiled
def power(z, places, halves, powers):
    """Write the powers (bins WIDTH,), times 4, of the real frames whose transform z is."""
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
