"""The constants of the DX7's voice, as they were measured from the instrument.

They are facts taken from msfa, the engine of Google's music-synthesizer-for-android (Copyright 2012
Google Inc., Apache License 2.0), with those that Dexed has from later measurements (envelopes that stand
still, detune, the LFO's speeds).
Logarithms of levels, pitches and phases are integers, as in the instrument: an octave, or a doubling of
the amplitude, is 2^24.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 64
"""Samples for which the envelopes, the LFO and the pitch stand still; amplitudes go straight across them."""

ONE = 1 << 24
"""An octave, a doubling of the amplitude, and the LFO's full swing."""
NOTE_0 = 50857776
"""The logarithm of the frequency of MIDI note 0 in Hz."""
LFO_HERTZ = 4437500000.0
"""A hertz of the LFO as Dexed has it, where 2^32 is a cycle: 3 % more than it is said to be."""

Integers = NDArray[np.int64]


def _integers(text: str) -> Integers:
    return np.array(text.split(), np.int64)


def _floats(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), np.float64)


LEVELS = _integers("0 5 9 13 17 20 23 25 27 29 31 33 35 37 39 41 42 43 45 46")
"""Of output levels below 20; above, a level is 28 more."""

STANDING = _integers(
    "1764000 1764000 1411200 1411200 1190700 1014300 992250 882000 705600 705600 584325 507150 502740 441000 "
    "418950 352800 308700 286650 253575 220500 220500 176400 145530 145530 125685 110250 110250 88200 88200 "
    "74970 61740 61740 55125 48510 44100 37485 31311 30870 27562 27562 22050 18522 17640 15435 14112 13230 "
    "11025 9261 9261 7717 6615 6615 5512 5512 4410 3969 3969 3439 2866 2690 2249 1984 1896 1808 1411 1367 "
    "1234 1146 926 837 837 705 573 573 529 441 441"
)
"""Samples at 44.1 kHz that an envelope stays at a level to which it has nowhere to go, of rates 0 to 76."""

VELOCITIES = _integers(
    "0 70 86 97 106 114 121 126 132 138 142 148 152 156 160 163 166 170 173 174 178 181 184 186 189 190 194 "
    "196 198 200 202 205 206 209 211 214 216 218 220 222 224 225 227 229 230 232 233 235 237 238 240 241 242 "
    "243 244 246 246 248 249 250 251 252 253 254"
)
"""Of half a MIDI velocity; 239 changes nothing."""

EXPONENTIAL_SCALING = _integers(
    "0 1 2 3 4 5 6 7 8 9 11 14 16 19 23 27 33 39 47 56 66 80 94 110 126 142 158 174 190 206 222 238 250"
)
"""Of thirds of an octave from the break point."""

COARSE = _integers(
    "-16777216 0 16777216 26591258 33554432 38955489 43368474 47099600 50331648 53182516 55732705 58039632 "
    "60145690 62083076 63876816 65546747 67108864 68576247 69959732 71268397 72509921 73690858 74816848 "
    "75892776 76922906 77910978 78860292 79773775 80654032 81503396 82323963 83117622"
)
"""The logarithm of the frequency ratio: a half, 1, 2, ... 31."""

LFO_HZ = _floats(
    "0.062541 0.125031 0.312393 0.43712 0.62461 0.750694 0.93633 1.125302 1.249609 1.436782 1.560915 "
    "1.752081 1.875117 2.062494 2.247191 2.374451 2.560492 2.686728 2.873976 2.99895 3.188013 3.36984 "
    "3.500175 3.682224 3.812065 4.0008 4.186202 4.310716 4.50126 4.623209 4.814636 4.93048 5.121901 "
    "5.315191 5.434783 5.617346 5.750431 5.946717 6.062811 6.248438 6.431695 6.564264 6.74946 "
    "6.868132 7.052186 7.25058 7.375719 7.556294 7.687577 7.877738 7.993605 8.181967 8.372405 "
    "8.504848 8.685079 8.810573 8.986341 9.122423 9.300595 9.500285 9.607994 9.798158 9.950249 "
    "10.117361 11.251125 11.384335 12.562814 13.676149 13.904338 15.092062 16.366612 16.638935 "
    "17.869907 19.193858 19.425019 20.833333 21.034918 22.50225 24.003841 24.260068 25.746653 "
    "27.173913 27.578599 29.052876 30.693677 31.191516 32.658393 34.31709 34.674064 36.416606 "
    "38.197097 38.550501 40.387722 40.749796 42.625746 44.326241 44.883303 46.772685 48.590865 "
    "49.261084"
)
"""How fast the LFO goes, of speeds 0 to 99."""

PITCH_SENSITIVITIES = _integers("0 10 20 33 55 92 153 255")
AMPLITUDE_SENSITIVITIES = _integers("0 4342338 7171437 16777216")

PITCH_RATES = _integers(
    "1 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 16 16 17 18 18 19 20 21 22 23 "
    "24 25 26 27 28 30 31 33 34 36 37 38 39 41 42 44 46 47 49 51 53 54 56 58 60 62 64 66 68 70 72 74 "
    "76 79 82 85 88 91 94 98 102 106 110 115 120 125 130 135 141 147 153 159 165 171 178 185 193 202 "
    "211 232 243 254 255"
)
PITCH_LEVELS = _integers(
    "-128 -116 -104 -95 -85 -76 -68 -61 -56 -52 -49 -46 -43 -41 -39 -37 -35 -33 -32 -31 -30 -29 -28 "
    "-27 -26 -25 -24 -23 -22 -21 -20 -19 -18 -17 -16 -15 -14 -13 -12 -11 -10 -9 -8 -7 -6 -5 -4 -3 -2 "
    "-1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 "
    "34 35 38 40 43 46 49 53 58 65 73 82 92 103 115 127"
)


def frequencies(sample_rate: float) -> Integers:
    """Return 2^20 to 2^21 Hz in 1,024 steps, in cycles a sample, where 2^24 is a cycle."""
    # One by one: the steps' rounding adds up in the engine, too.
    steps = np.full(1025, 2 ** (1 / 1024))
    steps[0] = float(1 << 44) / sample_rate
    table = np.floor(np.cumprod(steps) + 0.5)
    # Below 16,384 Hz the last ones are beyond the engine's integers, which turn to the least there is.
    return np.where(table < 1 << 31, table, -(1 << 31)).astype(np.int64)


def lfo_sine() -> Integers:
    """Return a sine of amplitude 2^24 at 1,024 places of a cycle, and the first again."""
    step = 2 * np.pi / 1024
    cosine, sine = (int(np.floor(f(step) * (1 << 30) + 0.5)) for f in (np.cos, np.sin))
    table = np.zeros(1025, np.int64)
    u, v, half = 1 << 30, 0, 1 << 29
    for i in range(512):  # turned on, step by step
        table[i], table[i + 512] = (v + 32) >> 6, -((v + 32) >> 6)
        u, v = (u * cosine - v * sine + half) >> 30, (u * sine + v * cosine + half) >> 30
    return table
