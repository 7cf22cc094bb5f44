"""DX7 voices made louder or softer, by the output levels of their carriers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS
from synthgym.synths.dx7_parameters import PARAMETERS

STEP_DB = 20 * np.log10(2) / 8
"""Of output levels from 20 on: eight of them double the amplitude. Below, they are a table of other steps."""
LEAST, MOST = 20, 99

_NAMES = [parameter.name for parameter in PARAMETERS]
_LEVELS = [_NAMES.index(f"OP{operator} OUTPUT LEVEL") for operator in OPERATORS]
_ALGORITHM = _NAMES.index("ALGORITHM")
_CARRIERS = np.array([[operator in one.carriers for operator in OPERATORS] for one in ALGORITHMS])


def louder(native: Native, decibels: float) -> tuple[Native, NDArray[np.float64]]:
    """Return voices whose carriers have all moved by as many output levels, and the decibels that makes.

    Carriers below level 20 are hardly heard, and stay. The others keep their distances from each other: they
    move as far as all of them can.

    Args:
        native: float64 (B, 145).
        decibels: by how much louder; below 0 for softer.

    Returns:
        The voices (B, 145), and by how many decibels each is louder (B,).
    """
    moved, levels = native.copy(), native[:, _LEVELS]
    heard = _CARRIERS[native[:, _ALGORITHM].astype(int)] & (levels >= LEAST)
    room = np.stack([LEAST - levels, MOST - levels])
    least = np.where(heard, room[0], -np.inf).max(axis=1)
    most = np.where(heard, room[1], np.inf).min(axis=1)
    steps = np.where(heard.any(axis=1), np.clip(np.rint(decibels / STEP_DB), least, most), 0)
    moved[:, _LEVELS] = levels + heard * steps[:, None]
    return moved, steps * STEP_DB
