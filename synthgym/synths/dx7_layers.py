"""DX7 voices taken apart into pairs of operators that sound together, and put together from pairs of others.

In algorithm 5 an operator modulates another three times, and the three are added: what one of them sounds
like does not depend on the others, so that sounds of pairs can be added before they are rendered.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS
from synthgym.synths.dx7_levels import LEAST, MOST, STEP_DB
from synthgym.synths.dx7_parameters import PARAMETERS

_NAMES = [parameter.name for parameter in PARAMETERS]
_INIT = np.array([parameter.default for parameter in PARAMETERS])
_OF = np.array([[i for i, name in enumerate(_NAMES) if name.startswith(f"OP{o} ")] for o in OPERATORS])
"""The parameters of each operator, in one order."""
_LEVELS = np.array([_NAMES.index(f"OP{operator} OUTPUT LEVEL") for operator in OPERATORS])
_ALGORITHM, _FEEDBACK = _NAMES.index("ALGORITHM"), _NAMES.index("FEEDBACK")
_PAIRS = (5, 6), (3, 4), (1, 2)
"""Carriers and modulators of algorithm 5; feedback reaches the first pair alone."""
MOST_LAYERS = len(_PAIRS)


def layers(native: Native) -> tuple[Native, NDArray[np.bool_]]:
    """Return a voice for each carrier of voices and each operator that modulates it: these two alone.

    The carrier is at its full level. Of deeper stacks the upper operators are left out, as are pitch envelope
    and LFO, which all layers of a voice share.

    Args:
        native: float64 (B, 145).

    Returns:
        Voices (L, 145), and which of them have feedback, (L,), as one pair of a voice can have.
    """
    found = [pair for voice in native for pair in _pairs(voice)]
    voices = np.stack([_together([pair], [MOST]) for pair in found]) if found else np.empty((0, len(_INIT)))
    return voices, voices[:, _FEEDBACK] > 0


def layered(pairs: Native, decibels: NDArray[np.float64]) -> Native:
    """Return a voice (145,) that has up to three layers.

    Args:
        pairs: (L, 145), as ``layers`` returns them, one of them at most with feedback.
        decibels: of each, 0 or below, (L,).

    Returns:
        The voice.
    """
    order = np.argsort(-pairs[:, _FEEDBACK], kind="stable")
    levels = np.clip(np.rint(MOST + decibels / STEP_DB), LEAST, MOST)
    return _together([pairs[i] for i in order], [float(levels[i]) for i in order])


def _pairs(voice: Native) -> Iterator[Native]:
    """Give voices (145,) of which the first pair of algorithm 5 is one of a voice's."""
    algorithm = ALGORITHMS[int(voice[_ALGORITHM])]
    for carrier in algorithm.carriers:
        if voice[_LEVELS[carrier - 1]] < LEAST:
            continue
        above = [a for a, b in algorithm.modulates if b == carrier]
        alone, (first, second) = _silent(), _PAIRS[0]
        alone[_OF[first - 1]] = voice[_OF[carrier - 1]]
        if not above:
            yield alone
        for modulator in above:
            pair = alone.copy()
            pair[_OF[second - 1]] = voice[_OF[modulator - 1]]
            pair[_FEEDBACK] = voice[_FEEDBACK] * (algorithm.feedback == modulator)
            yield pair


def _together(pairs: list[Native], levels: list[float]) -> Native:
    """Return a voice of the first pairs of voices, whose carriers are at levels; feedback is the first's."""
    voice = _silent()
    voice[_FEEDBACK] = pairs[0][_FEEDBACK]
    for pair, level, to in zip(pairs, levels, _PAIRS, strict=False):
        for of, operator in zip(_PAIRS[0], to, strict=True):
            voice[_OF[operator - 1]] = pair[_OF[of - 1]]
        voice[_LEVELS[to[0] - 1]] = level
    return voice


def _silent() -> Native:
    voice = _INIT.copy()
    voice[_LEVELS] = 0
    voice[_ALGORITHM] = 4
    return voice
