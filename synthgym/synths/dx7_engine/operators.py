"""Six operators, modulating each other, along the time of one voice."""

from __future__ import annotations

import numpy as np
from numba import int32

from synthgym.compiling import compiled, contracted
from synthgym.synths.dx7_algorithms import ALGORITHMS
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

NOTHING = -1


@compiled
def played(attenuations, operator, block):
    """Return whether an operator plays in a block.

    Args:
        attenuations: of a voice (6, blocks + 1), in 1,024ths of a halving.
        operator: its place, from 0.
        block: its number, of 64 samples.
    """
    return attenuations[operator, block] <= AUDIBLE or attenuations[operator, block + 1] <= AUDIBLE


@compiled
def slope_of(attenuations, operator, block):
    """Return by how much an operator's attenuation grows from sample to sample in a block.

    Args:
        attenuations: of a voice (6, blocks + 1), in 1,024ths of a halving.
        operator: its place, from 0.
        block: its number, of 64 samples.
    """
    return (attenuations[operator, block + 1] - attenuations[operator, block] + BLOCK // 2) >> 6


@contracted
def _play(place, step, level, slope, modulation, output):
    """Fill an operator's output in a block, its oscillator's phase and its attenuation going evenly."""
    for i in range(BLOCK):
        phase = int32(int32(place + int32(i) * step) + int32(modulation[i] << 21))
        output[i] = operator(phase, int32(level + int32(i) * slope))


@contracted
def _play_unmodulated(place, step, level, slope, output):
    for i in range(BLOCK):
        output[i] = operator(int32(place + int32(i) * step), int32(level + int32(i) * slope))


@compiled
def _copy(to, of):
    for i in range(len(to)):
        to[i] = of[i]


@compiled
def _mix(mixed, output):
    for i in range(len(mixed)):
        mixed[i] = int32(mixed[i] + output[i])


@compiled
def _modulation(algorithm, number, samples, outputs, silent):
    """Return which output modulates an operator: another's, a sum (the last, filled in), or NOTHING."""
    found = NOTHING
    for modulator in range(number):
        if MODULATES[algorithm, number, modulator] and not silent[modulator]:
            if found == NOTHING:
                found = modulator
                continue
            if found < 6:
                _copy(outputs[6, :samples], outputs[found, :samples])
                found = 6
            _mix(outputs[6, :samples], outputs[modulator, :samples])
    return found


@compiled
def voice_over(voice, place, blocks, room):
    """Mix the carriers of one voice, the room's at ``place``, over some blocks.

    Args:
        voice: its bytes (155,).
        place: its number among those rendered side by side.
        blocks: how many, of 64 samples each.
        room: of the voices; the sum of the carriers is written to ``mixed``.
    """
    attenuations, steps, phases = room.attenuations[place], room.steps[place], room.phases[place]
    looped, mixed = room.looped[place], room.mixed[place]
    outputs, silent = room.outputs, room.silent
    algorithm = voice[134]
    first = FEEDBACK[algorithm]
    last = first + LOOP[algorithm] - 1
    samples = blocks * BLOCK
    mixed[:samples] = 0
    for number in range(6):
        in_loop = voice[135] > 0 and first <= number <= last
        phase, turns = phases[number], int32(0)
        silent[number] = True
        for block in range(blocks):
            plays = played(attenuations, number, block) or (in_loop and played(attenuations, first, block))
            silent[number] = silent[number] and not plays
            turns = int32(turns + int32(steps[number, block] << 6))
        phases[number] = int32(phase + turns)
        if silent[number]:
            continue
        output = outputs[number]
        modulator = _modulation(algorithm, number, samples, outputs, silent)
        for block in range(blocks):
            a, b = block * BLOCK, (block + 1) * BLOCK
            step = int32(steps[number, block])
            looping = in_loop and played(attenuations, first, block)
            if looping and number == last:
                _copy(output[a:b], looped[a:b])
            elif looping or not played(attenuations, number, block):
                output[a:b] = 0
            else:
                slope = int32(slope_of(attenuations, number, block))
                level = int32(attenuations[number, block] + slope + LOGARITHM)
                if modulator == NOTHING:
                    _play_unmodulated(phase, step, level, slope, output[a:b])
                else:
                    _play(phase, step, level, slope, outputs[modulator, a:b], output[a:b])
            phase = int32(phase + int32(step << 6))
        if CARRIERS[algorithm, number]:
            _mix(mixed[:samples], output[:samples])
