"""Random DX7 voices with the habits of people who make them.

Of uniformly random voices nearly all are noise; what people program has tuned carriers at full level,
envelopes that begin loud, hardly a pitch envelope, and operators that were copied from one another. A voice
is sampled value by value, its globals first and then operator after operator, each value given all those
before it: a NADE (Larochelle and Murray, "The Neural Autoregressive Distribution Estimator", 2011) whose
operators share their weights, and in which a value may also be copied from an operator before (as in Vinyals
et al., "Pointer Networks", 2015). What an operator is in the algorithm, a carrier or how far above one, is
known to it.

``scripts/fit_dx7_prior.py`` fits the weights, ``dx7_prior.npz``, and judges the draws: see docs/prior.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS
from synthgym.synths.dx7_voice import PARAMETERS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEIGHTS = Path(__file__).with_name("dx7_prior.npz")
TEMPERATURE = 0.9
_ROWS = 64
"""Voices sampled side by side: their noise takes some 80 kB each."""

IN_WIDTH, OUT_WIDTH = 16, 8
"""Of the bumps by which values are seen, and by which they are told apart in what is sampled."""

_COLUMN = {parameter.name: column for column, parameter in enumerate(PARAMETERS)}
_HIGH = {parameter.name: int(parameter.high) for parameter in PARAMETERS}

GLOBALS = (
    "ALGORITHM",
    "FEEDBACK",
    "TRANSPOSE",
    "OSC KEY SYNC",
    *(f"PITCH EG LEVEL {i}" for i in (4, 1, 2, 3)),
    *(f"PITCH EG RATE {i}" for i in (1, 2, 3, 4)),
    "P MODE SENS.",
    "LFO PM DEPTH",
    "LFO AM DEPTH",
    "LFO WAVE",
    "LFO SPEED",
    "LFO DELAY",
    "LFO KEY SYNC",
)
"""In the order in which they are sampled."""
OPERATOR = (
    "MODE",
    "F COARSE",
    "F FINE",
    "OSC DETUNE",
    "OUTPUT LEVEL",
    *(f"EG LEVEL {i}" for i in (4, 1, 2, 3)),
    *(f"EG RATE {i}" for i in (1, 2, 3, 4)),
    "RATE SCALING",
    "KEY VELOCITY",
    "A MOD SENS.",
    "BREAK POINT",
    "L SCALE DEPTH",
    "L KEY SCALE",
    "R SCALE DEPTH",
    "R KEY SCALE",
)
"""Likewise, of each operator."""
GLOBAL_COLUMNS = np.array([_COLUMN[name] for name in GLOBALS])
OPERATOR_COLUMNS = np.array([[_COLUMN[f"OP{o} {name}"] for name in OPERATOR] for o in OPERATORS])
GLOBAL_VALUES = [_HIGH[name] + 1 for name in GLOBALS]
OPERATOR_VALUES = [_HIGH[f"OP1 {name}"] + 1 for name in OPERATOR]
"""How many values each has."""
_SIZES = [*GLOBAL_VALUES, *(values + o for o in range(len(OPERATORS)) for values in OPERATOR_VALUES)]
"""Logits of each choice; of an operator's value, also of copying it from each operator before."""


def _hats(values: int, width: int) -> Floats:
    """Return piecewise linear bumps, (values, bumps), that add up to 1."""
    centres = np.arange(0, values, width)
    far = np.abs(np.minimum(np.arange(values), centres[-1])[:, None] - centres)
    bumps: Floats = np.maximum(0, 1 - far / width)
    return bumps


def basis(values: int, width: int) -> Floats:
    """Return what distinguishes values, (values, features): each of few; of many, bumps and special ones."""
    if values <= 32:
        return np.eye(values)
    special = [value for value in (0, 24, 50, 98, 99) if value < values]
    return np.hstack([_hats(values, width), np.eye(values)[:, special]])


def _role(number: int, operator: int) -> list[float]:
    """Return what an operator (from 1) is in an algorithm (from 0)."""
    algorithm = ALGORITHMS[number]
    height, carriers = algorithm.height(operator), algorithm.carriers
    modulates = [b for a, b in algorithm.modulates if a == operator]
    modulators = [a for a, b in algorithm.modulates if b == operator]
    return [
        *(float(height == h) for h in range(4)),
        *(float(operator == o) for o in OPERATORS),
        *(float(len(carriers) == n) for n in range(1, 7)),
        float(algorithm.feedback == operator),
        float(len(modulates) > 1),
        *(float(len(modulators) == n) for n in range(4)),
        float(height == 0 and operator == carriers[0]),
    ]


ROLES = np.array([[_role(number, o) for o in OPERATORS] for number in range(len(ALGORITHMS))])
"""(32, 6, features)."""
CARRIES = ROLES[:, :, 0].astype(np.int64)
"""(32, 6), 1 of a carrier."""
MODULATES = np.array(
    [[[float((a, b) in alg.modulates) for b in OPERATORS] for a in OPERATORS] for alg in ALGORITHMS]
)
"""(32, 6 modulators, 6 modulated)."""


class _Tables(NamedTuple):
    """The weights, as they are used: what a value adds to a hidden layer, and what that says of values."""

    global_start: Floats  # (g, hidden)
    global_adds: list[Floats]  # (values, hidden) of each
    global_weights: list[Floats]  # (hidden, values)
    global_base: list[Floats]  # (values,)
    start: Floats  # (p, hidden)
    role: Floats  # (32, 6, hidden)
    from_globals: list[Floats]  # (values, hidden)
    adds: list[Floats]  # (values, 4 hidden): within, before, earlier, above
    weights: list[Floats]  # (hidden, values + 1), the last of copying
    base: list[Floats]  # (2, values), of modulators and carriers
    copy: (
        Floats  # (p, 5): any, by the last value, by those that match, of the same role, by those that do not
    )
    copy_distance: Floats  # (6,)


@cache
def _tables() -> _Tables:
    with np.load(WEIGHTS) as file:
        w = {name: file[name].astype(np.float64) for name in file.files}
    globals_, operator = (
        [(values, basis(values, IN_WIDTH), basis(values, OUT_WIDTH)) for values in counts]
        for counts in (GLOBAL_VALUES, OPERATOR_VALUES)
    )
    adds = np.concatenate([w["within"], w["before"], w["earlier"], w["above"]], axis=2)
    return _Tables(
        w["global_start"],
        [b @ x[: b.shape[1]] for (_, b, _), x in zip(globals_, w["global_within"], strict=True)],
        [x[:, : b.shape[1]] @ b.T for (_, _, b), x in zip(globals_, w["global_weights"], strict=True)],
        [x[:values] for (values, _, _), x in zip(globals_, w["global_base"], strict=True)],
        w["start"],
        ROLES @ w["role"],
        [b @ x[: b.shape[1]] for (_, b, _), x in zip(globals_, w["from_globals"], strict=True)],
        [b @ x[: b.shape[1]] for (_, b, _), x in zip(operator, adds, strict=True)],
        [
            np.column_stack([x[:, : b.shape[1]] @ b.T, copying])
            for (_, _, b), x, copying in zip(operator, w["weights"], w["copy_weights"], strict=True)
        ],
        [x[:, :values] for (values, _, _), x in zip(operator, w["base"], strict=True)],
        w["copy"],
        w["copy_distance"],
    )


def human_like(generators: Sequence[np.random.Generator], algorithm: int | None = None) -> Native:
    """Return a random voice for each generator, (B, 145).

    Each takes as many of its generator's numbers, so that ``[rng] * 3`` are three voices of one generator.

    Args:
        generators: one for each voice; many voices at once take a tenth of the time of one after the other.
        algorithm: that all are of, 0 to 31 (default: any).
    """
    voices = np.empty((len(generators), len(PARAMETERS)))
    for start in range(0, len(generators), _ROWS):
        part = generators[start : start + _ROWS]
        noise = np.stack([rng.standard_exponential(sum(_SIZES)) for rng in part])
        _sample(voices[start : start + _ROWS], -TEMPERATURE * np.log(noise), algorithm)
    return voices


def _sample(voices: Floats, noise: Floats, algorithm: int | None) -> None:
    """Fill voices (B, 145). The greatest of logits with Gumbel noise is a sample of their softmax."""
    tables, rows = _tables(), np.arange(len(voices))
    operators = len(OPERATORS)
    gumbel = iter(np.split(noise, np.cumsum(_SIZES)[:-1], axis=1))

    state = np.zeros((len(voices), tables.global_start.shape[1]))
    context = np.zeros_like(state)
    chosen: Ints
    for i, column in enumerate(GLOBAL_COLUMNS):
        logits = np.maximum(state + tables.global_start[i], 0) @ tables.global_weights[i]
        logits += tables.global_base[i]
        chosen = (logits + next(gumbel)).argmax(axis=1)
        if i == 0 and algorithm is not None:
            chosen[:] = algorithm
        voices[:, column] = chosen
        state += tables.global_adds[i][chosen]
        context += tables.from_globals[i][chosen]

    algorithms = voices[:, GLOBAL_COLUMNS[0]].astype(np.int64)
    carries, modulates, role = CARRIES[algorithms], MODULATES[algorithms], tables.role[algorithms]
    hidden = state.shape[1]
    values = np.empty((len(OPERATOR_VALUES), len(voices), operators), np.int64)
    above = np.zeros((len(voices), operators, hidden))
    before = earlier = np.zeros_like(state)
    for o in range(operators):
        state = context + role[:, o] + before + earlier + np.einsum("no,noh->nh", modulates[:, o], above)
        said = np.zeros((len(voices), tables.adds[0].shape[1]))
        same = carries[:, :o] == carries[:, o : o + 1]
        last = np.zeros((len(voices), o))
        matches = np.zeros_like(last)
        distance = tables.copy_distance[o - np.arange(o)]
        for i, count in enumerate(OPERATOR_VALUES):
            layer = np.maximum(state + said[:, :hidden] + tables.start[i], 0) @ tables.weights[i]
            logits = np.empty((len(voices), count + o))
            logits[:, :count] = layer[:, :-1] + tables.base[i][carries[:, o]]
            if o:
                start, by_last, by_match, by_same, by_miss = tables.copy[i]
                copies = layer[:, -1:] + (start + distance - by_miss * i)
                logits[:, count:] = copies + by_last * last + (by_match + by_miss) * matches + by_same * same
            chosen = (logits + next(gumbel)).argmax(axis=1)
            copied = chosen >= count
            if copied.any():
                chosen[copied] = values[i, rows[copied], chosen[copied] - count]
            values[i, :, o] = chosen
            said += tables.adds[i][chosen]
            last = (values[i, :, :o] == chosen[:, None]).astype(np.float64)
            matches += last
        before, earlier = said[:, hidden : 2 * hidden], earlier + said[:, 2 * hidden : 3 * hidden]
        above[:, o] = said[:, 3 * hidden :]
        voices[:, OPERATOR_COLUMNS[o]] = values[:, :, o].T
