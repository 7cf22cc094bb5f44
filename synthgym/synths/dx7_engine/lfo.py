"""The low-frequency oscillator, and its delay."""

from __future__ import annotations

from synthgym.compiling import compiled
from synthgym.synths.dx7_engine import tables
from synthgym.synths.dx7_engine.tables import ONE

_HZ, _SINE = tables.LFO_HZ, tables.lfo_sine()
_CYCLE, _HALF_CYCLE = 1 << 32, 1 << 31
_MASK = _CYCLE - 1

_PHASE, _STEP, _WAVE, _RANDOM, _DELAY, _DELAY_FIRST, _DELAY_THEN = range(7)
LFO_STATE = 7
"""So many numbers of a voice's state are the LFO's."""


@compiled
def start_lfo(voice, clock, common):
    """Start the LFO of a voice (155 bytes): fill its part of the state.

    Args:
        voice: its bytes (155,).
        clock: of the sample rate.
        common: the voice's state, of which the first LFO_STATE numbers are written.
    """
    common[_STEP] = int(_HZ[voice[137]] * clock.hz)
    common[_PHASE] = _HALF_CYCLE - 1 if voice[141] else 0
    common[_WAVE], common[_RANDOM], common[_DELAY] = voice[142], 0, 0
    wait = 99 - voice[138]
    if wait == 99:
        common[_DELAY_FIRST] = common[_DELAY_THEN] = _CYCLE - 1
    else:
        wait = (16 + (wait & 15)) << (1 + (wait >> 4))
        common[_DELAY_FIRST] = clock.lfo * wait
        common[_DELAY_THEN] = clock.lfo * max(wait & 0xFF80, 0x80)


@compiled
def wave_of(common):
    """Return the LFO's value in the next block, 0 to 2^24."""
    step = common[_STEP]
    phase = (common[_PHASE] + step) & _MASK
    common[_PHASE] = phase
    wave = common[_WAVE]
    if wave == 0:
        return ((phase >> 7) if phase < _HALF_CYCLE else ~(phase >> 7)) & (ONE - 1)
    if wave == 1:
        return (~phase & _MASK ^ _HALF_CYCLE) >> 8
    if wave == 2:
        return (phase ^ _HALF_CYCLE) >> 8
    if wave == 3:
        return ((~phase & _MASK) >> 7) & ONE
    if wave == 4:
        place, rest = phase >> 22, (phase >> 8) & 0x3FFF
        low, high = _SINE[place], _SINE[place + 1]
        return (ONE >> 1) + ((low + ((high - low) * rest >> 14)) >> 1)
    if phase < step:
        common[_RANDOM] = (common[_RANDOM] * 179 + 17) & 0xFF
    return ((common[_RANDOM] ^ 0x80) + 1) << 16


@compiled
def delay_of(common):
    """Return how far the LFO has come up after its delay, 0 to 2^24."""
    delay = common[_DELAY] + (common[_DELAY_FIRST] if common[_DELAY] < _HALF_CYCLE else common[_DELAY_THEN])
    if delay > _MASK:  # past the end
        return ONE
    common[_DELAY] = delay
    return 0 if delay < _HALF_CYCLE else (delay >> 7) & (ONE - 1)
