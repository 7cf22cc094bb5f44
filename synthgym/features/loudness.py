"""Powers as they are heard: compressed by a power law, and what stands out of its neighbours.

All arrays are (bands, frames), the frames a whole number of times WIDTH; each frame is computed for itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthgym import lanes
from synthgym.compiling import compiled, keep, released
from synthgym.lanes import WIDTH, at_least, at_most, every, exponent, load, scaled, store

EXPONENT = 0.13
"""Of power: 3 dB softer is about the same share less of any sound, so that distances of targets compare."""
FLOOR_DB = 100.0
"""What lies so far below a full-scale sine is silence, as the rounding of 16 bits and most rooms are.

Compressed, what nobody hears would count, and recordings have it where a synth is silent."""
NEIGHBOURHOOD = 19
"""Bins of the long window, half an octave, above whose mean a partial must stand out."""
WEIGHT = 0.8
"""Of the long window, beside the short one's 1."""

_F = np.float32
# Polynomials through Chebyshev's points: of log2(1 + t) / t from the root of 1/2 to that of 2, and of 2^t
# from -1/2 to 1/2. They are off by 6e-7, of which .13 ln 2 counts, and by 1e-7; rounding adds as much.
_L0, _L1, _L2, _L3, _L4, _L5, _L6 = map(
    _F, (1.44269652, -0.72136018, 0.48061313, -0.35952446, 0.29611956, -0.26796387, 0.16818659)
)
_P0, _P1, _P2, _P3, _P4, _P5 = map(
    _F, (1.00000008, 0.69314719, 0.24022107, 0.05550357, 0.00967603, 0.00133909)
)
_ONE, _ROUND = _F(1), _F(3 << 22)
_EXPONENT, _WEIGHT = _F(EXPONENT), _F(WEIGHT)
FLOOR = _F(10 ** (-FLOOR_DB / 10 * EXPONENT))
"""What is taken off a compressed power of the short window."""
# Of powers. What is less counts as the least, which is below the floor; what is more is louder than loud.
LEAST, _MOST = _F(10 ** (-FLOOR_DB / 10) / 2), _F(4)
_SHARE = _F(1 / NEIGHBOURHOOD)


@compiled
def compressed(power):
    """Return lanes of powers to the power of .13, less the floor, 0 to 1."""
    power = at_most(at_least(power, LEAST), _MOST)
    n = exponent(power)
    t = scaled(power, every(_F(0)) - n) - _ONE
    logarithm = ((((((_L6 * t + _L5) * t + _L4) * t + _L3) * t + _L2) * t + _L1) * t + _L0) * t
    y = (n + logarithm) * _EXPONENT
    whole = (y + _ROUND) - _ROUND
    t = y - whole
    fraction = ((((_P5 * t + _P4) * t + _P3) * t + _P2) * t + _P1) * t + _P0
    # What is not a number stays so.
    heard = scaled(fraction, whole) - FLOOR + (power - power)
    return at_most(at_least(heard, _F(0)), _ONE)


@compiled
def _compress(powers):
    for band in range(len(powers)):
        for frame in range(0, powers.shape[1], WIDTH):
            store(powers[band], frame, compressed(load(powers[band], frame)))


@compiled
def standing_out(values, band, frame):
    """Return by how much 16 frames of a band exceed its neighbours' mean; beyond an end all are like it.

    Args:
        values: float32 (bands, frames), loudness.
        band: which.
        frame: the first of the frames.
    """
    own = load(values[band], frame)
    total = own
    for away in range(1, NEIGHBOURHOOD // 2 + 1):
        below, above = max(band - away, 0), min(band + away, len(values) - 1)
        total = total + (load(values[below], frame) + load(values[above], frame))
    return at_least(own - total * _SHARE, _F(0)) * _WEIGHT


@released
def loudness(short, count, long, partials, features):
    """Write the frames of ``multiresolution``.

    Args:
        short: (mel bands, 2 frames or 1 less, and more to a multiple of WIDTH) powers, of which a full-scale
            sine's is 1; compressed in place.
        count: frames of the short window.
        long: (bands, frames likewise) powers likewise.
        partials: as long; to write what stands out of its neighbours to.
        features: (frames, 2 mel bands + bands) zeros, to fill.
    """
    _compress(short)
    _compress(long)
    for frame in range(0, long.shape[1], WIDTH):
        for band in range(len(long)):
            store(partials[band], frame, standing_out(long, band, frame))
    bands = len(short)
    for frame in range(len(features)):
        row = features[frame]
        for band in range(bands):
            row[band] = short[band, 2 * frame]
        if 2 * frame + 1 < count:
            for band in range(bands):
                row[bands + band] = short[band, 2 * frame + 1]
        for band in range(len(long)):
            row[2 * bands + band] = partials[band, frame]


keep(loudness, [Path(path) for path in (__file__, lanes.__file__)])
