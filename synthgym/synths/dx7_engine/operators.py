"""Six operators, modulating each other: the fast part."""

from __future__ import annotations

import numpy as np
from numba import int32, njit

from synthgym.synths.dx7_algorithms import ALGORITHMS
from synthgym.synths.dx7_engine import sine
from synthgym.synths.dx7_engine.sine import LOGARITHM, operator
from synthgym.synths.dx7_engine.tables import BLOCK

AUDIBLE = (1 << 14) - 100
"""An operator plays in a block if its attenuation is at most this at either end of it."""

_NUMBERS = tuple(range(6, 0, -1))
"""As a voice's bytes have the operators: the sixth first."""

MODULATES = np.array(
    [
        [[(modulator, modulated) in algorithm.modulates for modulator in _NUMBERS] for modulated in _NUMBERS]
        for algorithm in ALGORITHMS
    ]
)
"""(algorithm, modulated, modulator)."""
CARRIERS = np.array([[number in algorithm.carriers for number in _NUMBERS] for algorithm in ALGORITHMS])
FEEDBACK = np.array([_NUMBERS.index(algorithm.feedback) for algorithm in ALGORITHMS])
LOOP = np.ones(32, np.int64)
"""How many operators feedback goes through, from the one that it reaches: a stack of three and one of two."""
LOOP[3], LOOP[5] = 3, 2
SOFTENED = np.zeros(32, np.int64)
"""By how many halvings feedback is less in some algorithms."""
SOFTENED[[3, 5, 31]] = 2

CHUNK = 16
"""Blocks that are worked on together; what they need fits the fastest cache."""
SAMPLES = CHUNK * BLOCK
LANES = 64
"""The most voices whose feedback is worked out side by side."""
FEW = 3
"""So many, or fewer, are worked out one after the other."""

_SINES, _POWERS = sine.tables()


@njit(_nrt=False)
def _played(attenuations, operator, block):  # type: ignore[no-untyped-def]
    return attenuations[operator, block] <= AUDIBLE or attenuations[operator, block + 1] <= AUDIBLE


@njit(_nrt=False)
def _slope(attenuations, operator, block):  # type: ignore[no-untyped-def]
    return (attenuations[operator, block + 1] - attenuations[operator, block] + BLOCK // 2) >> 6


@njit(_nrt=False, fastmath={"contract"})
def _sines(phases, attenuations, output):  # type: ignore[no-untyped-def]
    """Fill an operator's output."""
    for i in range(len(output)):
        output[i] = operator(phases[i], attenuations[i])


@njit(_nrt=False)
def _looked_up(phase, attenuation):  # type: ignore[no-untyped-def]
    """Return what ``sine.operator`` does by the tables: for one value alone that is faster."""
    folded = int32(phase << 1)
    logarithm = attenuation + _SINES[(folded ^ (folded >> 31)) >> 21 & 1023]
    return int32(_POWERS[(logarithm & 1023) ^ 1023] >> min(logarithm >> 10, 31)) ^ (phase >> 31)


@njit(_nrt=False)
def feedback_alone(attenuations, steps, blocks, first, loop, shift, phases, memory, output, phase):  # type: ignore[no-untyped-def]
    """Work out one voice's feedback, sample by sample.

    Args:
        attenuations: (6, CHUNK + 1); steps: (6, CHUNK).
        blocks: how many.
        first: the operator that feedback reaches; loop: how many it goes through.
        shift: by how many halvings it comes back.
        phases: (6,) as they are before; only read.
        memory: the loop's last two outputs (2,).
        output: (SAMPLES,) to fill: that of the loop's last operator, where its first plays.
        phase: (3,), room to work in.
    """
    before, last = memory[0], memory[1]
    for further in range(loop):
        phase[further] = phases[first + further]
    for block in range(blocks):
        if _played(attenuations, first, block):
            slope, loudness = _slope(attenuations, first, block), attenuations[first, block]
            for i in range(block * BLOCK, (block + 1) * BLOCK):
                loudness += slope
                back = int32(((before + last) << 13 >> shift) << 8)
                before = last
                last = _looked_up(int32(phase[0] + back), loudness)
                phase[0] = int32(phase[0] + steps[first, block])
                for further in range(1, loop):
                    # In a longer loop the engine holds the others' levels through a block.
                    level = attenuations[first + further, block + 1]
                    last = _looked_up(int32(phase[further] + int32(last << 21)), level)
                    phase[further] = int32(phase[further] + steps[first + further, block])
                output[i] = last
        else:
            for further in range(loop):
                phase[further] = int32(phase[further] + int32(steps[first + further, block] << 6))
            output[block * BLOCK : (block + 1) * BLOCK] = 0
    memory[0], memory[1] = before, last


@njit(_nrt=False, fastmath={"contract"})
def _feedback_block(lanes, phase, step, loudness, slope, shift, plays, before, last, output):  # type: ignore[no-untyped-def]
    """Work out the feedback of many voices for a block; output is (BLOCK, LANES), flat."""
    for i in range(BLOCK):
        moment = int32(i)
        for lane in range(lanes):
            level = int32(loudness[lane] + int32(moment + 1) * slope[lane])
            back = int32(sine.halved(int32((before[lane] + last[lane]) << 13), shift[lane]) << 8)
            now = operator(int32(int32(phase[lane] + moment * step[lane]) + back), level)
            on = plays[lane]
            output[i * LANES + lane] = int32(now & on)
            before[lane] = int32((last[lane] & on) | (before[lane] & ~on))
            last[lane] = int32((now & on) | (last[lane] & ~on))
    for lane in range(lanes):
        phase[lane] = int32(phase[lane] + int32(step[lane] << 6))
