"""Random DX7 voices with the habits of people who make them.

Of uniformly random voices nearly all are noise; what people program has tuned carriers at full level,
envelopes that begin loud, and hardly a pitch envelope. Each parameter is sampled for itself, with the
quantiles (or shares) that it has among the 192 voices for DX7 and TX7 in Debian's package hexter 1.1,
rounded; carriers and modulators have their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS
from synthgym.synths.dx7_voice import PARAMETERS

_AT = (0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1)
"""Where the quantiles below are."""

_CARRIER = {
    "OUTPUT LEVEL": (70, 81, 86, 94, 99, 99, 99, 99),
    "EG RATE 1": (20, 31, 43, 57, 83, 96, 99, 99),
    "EG RATE 2": (5, 15, 20, 27, 41, 76, 99, 99),
    "EG RATE 3": (0, 10, 14, 20, 27, 54, 99, 99),
    "EG RATE 4": (20, 30, 34, 45, 54, 70, 82, 99),
    "EG LEVEL 1": (70, 86, 99, 99, 99, 99, 99, 99),
    "EG LEVEL 2": (0, 0, 26, 80, 92, 98, 99, 99),
    "EG LEVEL 3": (0, 0, 0, 0, 41, 97, 99, 99),
    "EG LEVEL 4": (0, 0, 0, 0, 0, 0, 0, 0),
}
_MODULATOR = {
    "OUTPUT LEVEL": (0, 50, 58, 71, 79, 89, 99, 99),
    "EG RATE 1": (10, 28, 45, 65, 94, 99, 99, 99),
    "EG RATE 2": (0, 5, 14, 27, 46, 74, 95, 99),
    "EG RATE 3": (0, 0, 0, 15, 25, 48, 82, 99),
    "EG RATE 4": (0, 0, 0, 28, 50, 62, 73, 99),
    "EG LEVEL 1": (60, 80, 86, 98, 99, 99, 99, 99),
    "EG LEVEL 2": (0, 0, 0, 61, 87, 96, 99, 99),
    "EG LEVEL 3": (0, 0, 0, 0, 29, 87, 98, 99),
    "EG LEVEL 4": (0, 0, 0, 0, 0, 0, 0, 99),
}
_OPERATOR = {
    "OSC DETUNE": (0, 0, 2, 7, 7, 7, 12, 14),
    "KEY VELOCITY": (0, 0, 0, 0, 0, 3, 5, 7),
    "RATE SCALING": (0, 0, 0, 0, 2, 3, 4, 7),
    "A MOD SENS.": (0, 0, 0, 0, 0, 0, 0, 3),
    "R SCALE DEPTH": (0, 0, 0, 0, 0, 0, 30, 99),
}
_GLOBAL = {
    "FEEDBACK": (0, 0, 2, 5, 7, 7, 7, 7),
    "LFO AM DEPTH": (0, 0, 0, 0, 0, 0, 0, 99),
    "LFO SPEED": (10, 18, 27, 31, 35, 37, 41, 70),
    "LFO PM DEPTH": (0, 0, 0, 0, 0, 6, 17, 60),
    "P MODE SENS.": (0, 0, 1, 1, 2, 3, 4, 7),
    "LFO DELAY": (0, 0, 0, 0, 0, 33, 57, 99),
}
_OPERATOR_SHARES: dict[str, tuple[float, ...]] = {
    "F COARSE": (19, 39, 12, 8, 5, 4, 2, 2, 2, 1, 1, 0.5, 1, 0.5, 1),
    "MODE": (94, 6),
}
"""Of values from 0; the others have none."""
_GLOBAL_SHARES: dict[str, tuple[float, ...]] = {
    "TRANSPOSE": tuple({12: 26, 24: 66, 36: 5}.get(semitones, 0) for semitones in range(49)),
    "LFO WAVE": (42, 2, 2, 2, 50, 2),
    "LFO KEY SYNC": (81, 19),
    "OSC KEY SYNC": (28, 72),
    "ALGORITHM": (1,) * len(ALGORITHMS),
}
_FINE = 0.2
"""The share of operators that are not tuned to a whole ratio."""

_COLUMN = {parameter.name: column for column, parameter in enumerate(PARAMETERS)}
_INIT = np.array([parameter.default for parameter in PARAMETERS], np.float64)
_IS_CARRIER = np.array([[o in algorithm.carriers for o in OPERATORS] for algorithm in ALGORITHMS])


def human_like(count: int, rng: np.random.Generator, algorithm: int | None = None) -> Native:
    """Return random voices (count, 145).

    Args:
        count: how many.
        rng: samples them.
        algorithm: that all are of, 0 to 31 (default: any).
    """
    voices = np.tile(_INIT, (count, 1))
    for name, quantiles in _GLOBAL.items():
        voices[:, _COLUMN[name]] = _patches(quantiles, count, rng)
    for name, shares in _GLOBAL_SHARES.items():
        voices[:, _COLUMN[name]] = _chosen(shares, count, rng)
    if algorithm is not None:
        voices[:, _COLUMN["ALGORITHM"]] = algorithm
    carriers = _IS_CARRIER[voices[:, _COLUMN["ALGORITHM"]].astype(int)]
    for operator in OPERATORS:
        carrier = carriers[:, operator - 1]
        column = {name: _COLUMN[f"OP{operator} {name}"] for name in (*_CARRIER, *_OPERATOR)}
        for name in _CARRIER:
            as_carrier = _patches(_CARRIER[name], count, rng)
            voices[:, column[name]] = np.where(carrier, as_carrier, _patches(_MODULATOR[name], count, rng))
        for name, quantiles in _OPERATOR.items():
            voices[:, column[name]] = _patches(quantiles, count, rng)
        for name, shares in _OPERATOR_SHARES.items():
            voices[:, _COLUMN[f"OP{operator} {name}"]] = _chosen(shares, count, rng)
        fine = rng.integers(0, 100, count) * (rng.random(count) < _FINE)
        voices[:, _COLUMN[f"OP{operator} F FINE"]] = fine
    return voices


def _patches(quantiles: Sequence[float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.rint(np.interp(rng.random(count), _AT, quantiles))


def _chosen(shares: Sequence[float], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(len(shares), count, p=np.array(shares) / sum(shares))
