"""Random DX7 voices with the habits of people who make them.

Of uniformly random voices nearly all are noise; what people program has tuned carriers at full level,
envelopes that begin loud, hardly a pitch envelope, and operators that were copied from one another. A voice
is sampled value by value, its globals first and then operator after operator, each value given all those
before it: a NADE (Larochelle and Murray, "The Neural Autoregressive Distribution Estimator", 2011) whose
operators share their weights, and in which a value may also be copied from an operator before (as in Vinyals
et al., "Pointer Networks", 2015). What an operator is in the algorithm, a carrier or how far above one, is
known to it.

``scripts/dx7_prior.py`` fits the weights, ``dx7_prior.npz``, and judges the draws: see docs/prior.md.
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
from synthgym.synths.dx7_parameters import PARAMETERS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEIGHTS = Path(__file__).with_name("dx7_prior.npz")
TEMPERATURE = 0.9
"""Of the noise: at 1, rare values that do not belong together make voices farther from recordings."""
SOFTEST = 70
"""The least output level of operator 1 where the algorithm is given."""
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
_SIZES = [sum(GLOBAL_VALUES), *(sum(OPERATOR_VALUES) + len(OPERATOR) * o for o in range(len(OPERATORS)))]
"""Logits of the globals, and of each operator: of its values, and of copying them from each one before."""


def _hats(values: int, width: int) -> Floats:
    """Return piecewise linear bumps, (values, bumps), that add up to 1."""
    centres = np.arange(0, values, width)
    far = np.abs(np.minimum(np.arange(values), centres[-1])[:, None] - centres)
    bumps: Floats = np.maximum(0, 1 - far / width)
    return bumps


def basis(values: int, width: int) -> Floats:
    """Return what distinguishes values, (values, features): each of few; of many, bumps and special ones.

    Args:
        values: how many there are, counted from 0.
        width: distance between the middles of two bumps.

    Returns:
        Float64 (values, features).
    """
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
    """The weights as they are used: what a value adds to a hidden layer, and what that says of values.

    Of g globals, p parameters of an operator, and h hidden units.
    """

    global_start: Floats  # (g, h)
    global_adds: list[Floats]  # (values, h) of each
    global_weights: list[Floats]  # (h, values)
    global_base: Floats  # (all values of globals,)
    start: Floats  # (p, h)
    role: Floats  # (32, 6, h)
    from_globals: list[Floats]  # (values, h)
    adds: list[Floats]  # (values, 4 h): to its own operator, the next, all later ones, those that modulate it
    weights: list[Floats]  # (h, values + 1), the last of copying
    base: Floats  # (2, all values of an operator), of modulators and carriers
    copy: Floats  # (5, p): always, after a copy, by those equal, if both or neither carry, by those unequal
    copy_distance: Floats  # (6,)


@cache
def _tables() -> _Tables:
    with np.load(WEIGHTS) as file:
        w = {name: file[name].astype(np.float64) for name in file.files}

    def seen(counts: list[int], weights: Floats) -> list[Floats]:
        bases = [basis(values, IN_WIDTH) for values in counts]
        return [b @ x[: b.shape[1]] for b, x in zip(bases, weights, strict=True)]

    def told(counts: list[int], weights: Floats) -> list[Floats]:
        bases = [basis(values, OUT_WIDTH) for values in counts]
        return [x[:, : b.shape[1]] @ b.T for b, x in zip(bases, weights, strict=True)]

    def shares(counts: list[int], weights: Floats) -> Floats:
        parts = [x[..., :values] for values, x in zip(counts, weights, strict=True)]
        return np.concatenate(parts, axis=-1)

    adds = np.concatenate([w["within"], w["before"], w["earlier"], w["above"]], axis=2)
    weights = told(OPERATOR_VALUES, w["weights"])
    return _Tables(
        global_start=w["global_start"],
        global_adds=seen(GLOBAL_VALUES, w["global_within"]),
        global_weights=told(GLOBAL_VALUES, w["global_weights"]),
        global_base=shares(GLOBAL_VALUES, w["global_base"]),
        start=w["start"],
        role=ROLES @ w["role"],
        from_globals=seen(GLOBAL_VALUES, w["from_globals"]),
        adds=seen(OPERATOR_VALUES, adds),
        weights=[np.column_stack(both) for both in zip(weights, w["copy_weights"], strict=True)],
        base=shares(OPERATOR_VALUES, w["base"]),
        copy=w["copy"].T,
        copy_distance=w["copy_distance"],
    )


def human_like(generators: Sequence[np.random.Generator], algorithm: int | None = None) -> Native:
    """Return a random voice for each generator, (B, 145).

    Each takes as many of its generator's numbers, so that ``[rng] * 3`` are three voices of one generator.

    Args:
        generators: one for each voice; many voices at once take a tenth of the time of one after the other.
        algorithm: that all are of, 0 to 31 (default: any); then operator 1, a carrier, is never off.

    Returns:
        Float64 (B, 145), the native values of all parameters.
    """
    voices = np.empty((len(generators), len(PARAMETERS)))
    for start in range(0, len(generators), _ROWS):
        part = generators[start : start + _ROWS]
        noise = np.stack([rng.standard_exponential(sum(_SIZES)) for rng in part])
        _sample(voices[start : start + _ROWS], -TEMPERATURE * np.log(noise), algorithm)
    return voices


def _sample(voices: Floats, noise: Floats, algorithm: int | None) -> None:
    """Fill voices (B, 145). The greatest of logits with Gumbel noise is a sample of their softmax."""
    tables, operators = _tables(), len(OPERATORS)
    of_globals, *of_operators = np.split(noise, np.cumsum(_SIZES)[:-1], axis=1)
    if algorithm is not None:
        # Many voices leave operator 1 off and use others, which those of few operators have not.
        level = sum(OPERATOR_VALUES[: OPERATOR.index("OUTPUT LEVEL")])
        of_operators[0][:, level : level + SOFTEST] = -np.inf
    context = _sample_globals(voices, of_globals, algorithm)

    algorithms = voices[:, GLOBAL_COLUMNS[0]].astype(np.int64)
    carries, modulates, role = CARRIES[algorithms], MODULATES[algorithms], tables.role[algorithms]
    values = np.empty((len(voices), len(OPERATOR), operators), np.int64)
    above = np.zeros((len(voices), operators, context.shape[1]))
    before = earlier = np.zeros_like(context)
    for o in range(operators):
        state = context + role[:, o] + before + earlier + np.einsum("no,noh->nh", modulates[:, o], above)
        before, later, above[:, o] = _sample_operator(values[:, :, : o + 1], of_operators[o], state, carries)
        earlier = earlier + later
        voices[:, OPERATOR_COLUMNS[o]] = values[:, :, o]


def _sample_globals(voices: Floats, noise: Floats, algorithm: int | None) -> Floats:
    """Fill in the globals of voices (B, 145); return what they tell the operators, (B, h)."""
    tables = _tables()
    noise += tables.global_base
    state, context = np.zeros((2, len(voices), tables.start.shape[1]))
    for i, gumbel in enumerate(np.split(noise, np.cumsum(GLOBAL_VALUES)[:-1], axis=1)):
        layer = np.maximum(state + tables.global_start[i], 0) @ tables.global_weights[i]
        chosen = (layer + gumbel).argmax(axis=1)
        if i == 0 and algorithm is not None:
            chosen[:] = algorithm
        voices[:, GLOBAL_COLUMNS[i]] = chosen
        state += tables.global_adds[i][chosen]
        context += tables.from_globals[i][chosen]
    return context


def _sample_operator(values: Ints, noise: Floats, state: Floats, carries: Ints) -> tuple[Floats, ...]:
    """Fill in the last of operators, (B, p, so far); return what it tells the others, three of (B, h)."""
    tables, rows, (voices, p, o) = _tables(), np.arange(len(values)), values.shape
    o -= 1
    gumbel, copying = noise[:, : sum(OPERATOR_VALUES)], noise[:, sum(OPERATOR_VALUES) :].reshape(voices, p, o)
    gumbel += tables.base[carries[:, o]]
    always, after_copy, by_equal, by_same, by_unequal = tables.copy
    copying += (always - by_unequal * np.arange(p))[:, None] + tables.copy_distance[o - np.arange(o)]
    copying += by_same[:, None] * (carries[:, :o] == carries[:, o : o + 1])[:, None]
    by_equal = by_equal + by_unequal
    said = np.zeros((voices, tables.adds[0].shape[1]))
    own = said[:, : state.shape[1]]
    equal = np.zeros((voices, o))
    last = np.zeros((voices, o), np.bool_)
    for i, told in enumerate(np.split(gumbel, np.cumsum(OPERATOR_VALUES)[:-1], axis=1)):
        layer = np.maximum(state + own + tables.start[i], 0) @ tables.weights[i]
        copies = copying[:, i] + layer[:, -1:] + after_copy[i] * last + by_equal[i] * equal
        chosen = np.concatenate([told + layer[:, :-1], copies], axis=1).argmax(axis=1)
        copied = np.flatnonzero(chosen >= OPERATOR_VALUES[i])
        chosen[copied] = values[rows[copied], i, chosen[copied] - OPERATOR_VALUES[i]]
        values[:, i, o] = chosen
        said += tables.adds[i][chosen]
        last = values[:, i, :o] == chosen[:, None]
        equal += last
    return tuple(np.split(said, 4, axis=1)[1:])
