"""A voice from its first sample to its last, one sample after the other: what a thread of a GPU does.

It does what ``feedback`` and ``operators`` do, which go through many voices and many samples at once, as
processors like it. How envelopes, LFO and pitch move, and what an operator puts out, is the same code. What
wraps around does so by hand, to 32 bits, so that a GPU, a processor and Python come to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import int32, int64
from numpy.typing import NDArray

from synthgym.synths.dx7_engine.control import OFF, OPERATOR_STATE, VOICE_STATE, control, start
from synthgym.synths.dx7_engine.high_pass import SCALE
from synthgym.synths.dx7_engine.operators import (
    CARRIERS,
    FEEDBACK,
    LOOP,
    MODULATES,
    SOFTENED,
    played,
    slope_of,
)
from synthgym.synths.dx7_engine.sine import looked_up
from synthgym.synths.dx7_engine.tables import BLOCK

_BITS = 1 << np.arange(6)
_MODULATORS = MODULATES @ _BITS
"""(algorithm, modulated): a bit for each modulator."""
_CARRIERS = CARRIERS @ _BITS


class State(NamedTuple):
    """Where a voice keeps what it needs; what is in it at first does not matter.

    Attributes:
        operators, common, attenuations, steps, values: of ``control``, of one block.
        phases, turns: (6,), how far each operator is in its cycle, and how far it turns in a sample.
        levels, slopes: (6,), its attenuation, and by how much that grows from sample to sample.
        outputs: (6,), its last sample.
    """

    operators: NDArray[np.int64]
    common: NDArray[np.int64]
    attenuations: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.int64]
    phases: NDArray[np.int32]
    turns: NDArray[np.int32]
    levels: NDArray[np.int32]
    slopes: NDArray[np.int32]
    outputs: NDArray[np.int32]


OPERATORS, COMMON = (6, OPERATOR_STATE), (VOICE_STATE,)
"""Shapes of a state's first two arrays; the next are (6, 2), (6, 1) and (3, 1), all others (6,)."""


def one_voice_through(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that renders a voice; the caller compiles it for what is to run it.

    It takes a voice (155,) int64, its note and velocity, the clock (see Clock), the blocks of 64 samples for
    which the key is held, the high-pass's pole (less than 0, or 0 for none), both tables of ``sine.tables``
    as int32, a State, and the audio (samples,) float32 to fill.

    Args:
        step: of the high-pass, see ``high_pass.step_by``, compiled likewise.
    """

    def one_voice(voice, note, velocity, clock, held, pole, sines, powers, state, audio):
        attenuations, steps = state.attenuations, state.steps
        phases, turns, outputs = state.phases, state.turns, state.outputs
        levels, slopes = state.levels, state.slopes
        algorithm, feedback = voice[134], voice[135]
        first = FEEDBACK[algorithm]
        last = first + LOOP[algorithm] - 1
        shift = min(8 - feedback + SOFTENED[algorithm], 16) + 1
        carriers = _CARRIERS[algorithm]
        start(voice, note, velocity, clock, state.operators, state.common)
        for number in range(6):
            attenuations[number, 1] = OFF
            phases[number] = 0
        before, fed, memory = int32(0), int32(0), 0.0
        samples = len(audio)
        for block in range((samples + BLOCK - 1) // BLOCK):
            for number in range(6):
                attenuations[number, 0] = attenuations[number, 1]
            release = held - block
            control(
                voice, 1, release, clock, state.operators, state.common, attenuations, steps, state.values
            )
            loops = feedback > 0 and played(attenuations, first, 0)
            plays = 0
            for number in range(6):
                turns[number] = int32(steps[number, 0])
                levels[number], slopes[number] = attenuations[number, 0], slope_of(attenuations, number, 0)
                outputs[number] = 0
                looped = loops and first <= number <= last
                if looped and number > first:
                    # In a longer loop the engine holds the others' levels through a block.
                    levels[number], slopes[number] = attenuations[number, 1], 0
                if looped or played(attenuations, number, 0):
                    plays |= 1 << number
                else:
                    phases[number] = int32(int64(phases[number]) + (steps[number, 0] << 6))
            for i in range(block * BLOCK, min((block + 1) * BLOCK, samples)):
                mixed, now = int32(0), fed
                for number in range(6):
                    if (plays >> number) & 1:
                        modulation = int32(0)
                        if loops and number == first:
                            modulation = int32(((before + fed) << 13 >> shift) << 8)
                        else:
                            for modulator in range(number):
                                if (_MODULATORS[algorithm, number] >> modulator) & 1:
                                    modulation = int32(modulation + outputs[modulator])
                            modulation = int32(modulation << 21)
                        levels[number] += slopes[number]
                        phase = int32(int64(phases[number]) + modulation)
                        output = int32(looked_up(phase, levels[number], sines, powers))
                        outputs[number] = output
                        phases[number] = int32(int64(phases[number]) + turns[number])
                        if (carriers >> number) & 1:
                            mixed = int32(mixed + output)
                        if number == last:
                            now = output
                if loops:
                    before, fed = fed, now
                if pole == 0:
                    audio[i] = mixed * SCALE
                else:
                    memory, audio[i] = step(memory, mixed, pole)

    return one_voice
