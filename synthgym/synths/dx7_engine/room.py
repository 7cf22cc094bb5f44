"""What the voices that are rendered side by side keep, and room to work in: compiled code makes no arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgym.lanes import WIDTH
from synthgym.synths.dx7_engine.control import OFF, OPERATOR_STATE, VOICE_STATE
from synthgym.synths.dx7_engine.tables import BLOCK

CHUNK = 16
"""Blocks that are worked on together: what they need fits the fastest cache."""
SAMPLES = CHUNK * BLOCK
LANES = 64
"""The most voices side by side."""
ROW = SAMPLES + 16
"""Longer by a line of the cache: rows that are 4,096 bytes apart would drive each other out of it."""


class Room(NamedTuple):
    """Where voices that are rendered side by side keep what they need.

    Attributes:
        operators, common: see ``control``.
        attenuations, steps: see ``control``.
        phases: of the operators.
        memory: the last two outputs of the feedback's loop.
        filtered: of the high-pass.
        looped: what came out of the feedback; mixed: the sum of the carriers (count, ROW).
        lanes: (8, LANES) of ``together``.
        members: the voices whose feedback is worked out together.
        tile: (BLOCK, LANES), flat, of ``_block``; turned: (WIDTH, WIDTH), flat, a part of it.
        outputs, values, silent, phase: more room.
    """

    operators: NDArray[np.int64]
    common: NDArray[np.int64]
    attenuations: NDArray[np.int64]
    steps: NDArray[np.int64]
    phases: NDArray[np.int32]
    memory: NDArray[np.int32]
    filtered: NDArray[np.float64]
    looped: NDArray[np.int32]
    mixed: NDArray[np.int32]
    lanes: NDArray[np.int32]
    members: NDArray[np.int64]
    tile: NDArray[np.int32]
    turned: NDArray[np.int32]
    outputs: NDArray[np.int32]
    values: NDArray[np.int64]
    silent: NDArray[np.bool_]
    phase: NDArray[np.int32]


def _lines(rows: int, length: int) -> NDArray[np.int32]:
    """Return zeros (rows, length) that begin with a line of the cache: wide registers load them faster."""
    room = np.zeros(rows * length + 16, np.int32)
    begin = -room.ctypes.data % 64 // 4
    return room[begin : begin + rows * length].reshape(rows, length)


def room(count: int) -> Room:
    """Return room for some voices, at most LANES."""
    return Room(
        np.zeros((count, 6, OPERATOR_STATE), np.int64),
        np.zeros((count, VOICE_STATE), np.int64),
        np.full((count, 6, CHUNK + 1), OFF, np.int64),
        np.zeros((count, 6, CHUNK), np.int64),
        np.zeros((count, 6), np.int32),
        np.zeros((count, 2), np.int32),
        np.zeros(count),
        _lines(count, ROW),
        _lines(count, ROW),
        _lines(8, LANES),
        np.zeros(LANES, np.int64),
        _lines(1, BLOCK * LANES)[0],
        _lines(1, WIDTH * WIDTH)[0],
        _lines(7, ROW),
        np.zeros((3, CHUNK), np.int64),
        np.zeros(6, np.bool_),
        np.zeros(3, np.int32),
    )
