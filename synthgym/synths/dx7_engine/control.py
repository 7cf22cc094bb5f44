"""What changes slowly, once in 64 samples: envelopes and pitch, in the instrument's own integers."""

from __future__ import annotations

import math

import numpy as np
from numba import int32

from synthgym.compiling import compiled
from synthgym.synths.dx7_engine import tables
from synthgym.synths.dx7_engine.lfo import LFO_STATE, delay_of, start_lfo, wave_of
from synthgym.synths.dx7_engine.tables import BLOCK, ONE

OFF = 16383
"""The attenuation at which an operator begins, in 1,024ths of a halving; at 2^14 nothing is left."""

_LEVELS, _STANDING = tables.LEVELS, tables.STANDING
_VELOCITIES, _EXPONENTIAL = tables.VELOCITIES, tables.EXPONENTIAL_SCALING
_COARSE = tables.COARSE
_PITCH_SENSITIVITIES, _AMPLITUDE_SENSITIVITIES = tables.PITCH_SENSITIVITIES, tables.AMPLITUDE_SENSITIVITIES
_PITCH_RATES, _PITCH_LEVELS = tables.PITCH_RATES, tables.PITCH_LEVELS

# The numbers of an operator's state, and of a voice's after the LFO's.
_STAGE, _LEVEL, _TARGET, _STEP, _STANDS, _LOUDNESS, _RATE, _PITCH = range(8)
OPERATOR_STATE = 8
_PITCH_STAGE, _PITCH_LEVEL, _PITCH_TARGET, _PITCH_STEP = range(LFO_STATE, LFO_STATE + 4)
_PITCH_DEPTH, _PITCH_SENSITIVITY, _AMPLITUDE_DEPTH = range(LFO_STATE + 4, LFO_STATE + 7)
VOICE_STATE = LFO_STATE + 7


@compiled
def _scaled_level(level):
    return level + 28 if level >= 20 else _LEVELS[level]


@compiled
def _key_scaling(note, voice, at):
    """Return by how much a note's distance from the break point changes an operator's level."""
    distance = note - voice[at + 8] - 17
    right = distance >= 0
    group = (distance + 1) // 3 if right else (1 - distance) // 3
    depth = voice[at + 10] if right else voice[at + 9]
    curve = voice[at + 12] if right else voice[at + 11]
    if curve == 0 or curve == 3:
        scaling = (group * depth * 329) >> 12
    else:
        scaling = (_EXPONENTIAL[min(group, 32)] * depth * 329) >> 15
    return -scaling if curve < 2 else scaling


@compiled
def _pitch(note, voice, at):
    """Return the logarithm of an operator's frequency in Hz."""
    coarse, fine, detune = voice[at + 18], voice[at + 19], voice[at + 20]
    if voice[at + 17]:  # fixed, in hundredths of a decade
        return ((4458616 * ((coarse & 3) * 100 + fine)) >> 3) + (13457 * (detune - 7) if detune > 7 else 0)
    pitch = tables.NOTE_0 + ONE // 12 * note
    octaves = np.float64(np.float32(pitch) / np.float32(ONE))
    pitch = int(pitch + 0.0209 * math.exp(-0.396 * octaves) / 7 * pitch * (detune - 7))
    pitch += _COARSE[coarse & 31]
    if fine:
        pitch += math.floor(24204406.323123 * math.log(1 + 0.01 * fine) + 0.5)
    return pitch


@compiled
def _stage(stage, level, voice, at, loudness, key_rate, rate):
    """Return where a stage of an operator's envelope goes, its step, and how many samples it stands still."""
    goal = voice[at + 4 + stage]
    target = max(((_scaled_level(goal) >> 1) << 6) + loudness - 4256, 16) << 16
    stands = 0
    if target == level or (stage == 0 and goal == 0):
        speed = min(voice[at + stage] + key_rate, 99)
        stands = _STANDING[speed] if speed < 77 else 20 * (99 - speed)
        if speed < 77 and stage == 0 and goal == 0:
            stands //= 20
        stands = (stands * rate) >> 24
    quick = min(((voice[at + stage] * 41) >> 6) + key_rate, 63)
    return target, (((4 + (quick & 3)) << (8 + (quick >> 2))) * rate) >> 24, stands


@compiled
def _envelope(voice, operator, blocks, release_at, rate, state, levels):
    """Fill in the levels (blocks,) of an operator's envelope."""
    at = operator * 21
    stage, level, target = state[operator, _STAGE], state[operator, _LEVEL], state[operator, _TARGET]
    step, stands = state[operator, _STEP], state[operator, _STANDS]
    loudness, key_rate = state[operator, _LOUDNESS], state[operator, _RATE]
    for block in range(blocks):
        if block == release_at:
            stage = 3
            target, step, stands = _stage(stage, level, voice, at, loudness, key_rate, rate)
        if stands:
            stands -= BLOCK
            if stands <= 0:
                stands = 0
                stage += 1
                if stage < 4:
                    target, step, stands = _stage(stage, level, voice, at, loudness, key_rate, rate)
        if (stage < 3 or (stage == 3 and block >= release_at)) and not stands:
            rising = target > level
            if rising:
                level = max(level, 1716 << 16)
                level += (((17 << 24) - level) >> 24) * step
            else:
                level -= step
            if level >= target if rising else level <= target:
                level = target
                stage += 1
                if stage < 4:
                    target, step, stands = _stage(stage, level, voice, at, loudness, key_rate, rate)
        levels[block] = level
    state[operator, _STAGE], state[operator, _LEVEL], state[operator, _TARGET] = stage, level, target
    state[operator, _STEP], state[operator, _STANDS] = step, stands


@compiled
def start(voice, note, velocity, clock, operators, common):
    """Press the key of a voice (155 bytes): fill the state of its operators (6, ...) and its own.

    Args:
        voice: its bytes (155,).
        note: MIDI note of the key.
        velocity: 0 to 127.
        clock: of the sample rate.
        operators: int64 (6, OPERATOR_STATE), written.
        common: int64 (VOICE_STATE,), written.
    """
    note = min(max(note + voice[144] - 24, 0), 127)
    for operator in range(6):
        at = operator * 21
        loudness = _scaled_level(voice[at + 16]) + _key_scaling(note, voice, at)
        softer = (voice[at + 15] * (_VELOCITIES[velocity >> 1] - 239) + 7) >> 3
        loudness = max((min(loudness, 127) << 5) + (softer << 4), 0)
        key_rate = (voice[at + 13] * min(max(note // 3 - 7, 0), 31)) >> 3
        target, step, stands = _stage(0, 0, voice, at, loudness, key_rate, clock.rate)
        operators[operator, _STAGE], operators[operator, _LEVEL], operators[operator, _TARGET] = 0, 0, target
        operators[operator, _STEP], operators[operator, _STANDS] = step, stands
        operators[operator, _LOUDNESS], operators[operator, _RATE] = loudness, key_rate
        operators[operator, _PITCH] = _pitch(note, voice, at)
    start_lfo(voice, clock, common)
    common[_PITCH_LEVEL] = _PITCH_LEVELS[voice[133]] << 19
    _advance_pitch(common, 0, voice, clock.pitch)
    common[_PITCH_DEPTH] = (voice[139] * 165) >> 6
    common[_PITCH_SENSITIVITY] = _PITCH_SENSITIVITIES[voice[143] & 7]
    common[_AMPLITUDE_DEPTH] = (voice[140] * 165) >> 6


@compiled
def _advance_pitch(common, stage, voice, slowest):
    common[_PITCH_STAGE] = stage
    if stage < 4:
        common[_PITCH_TARGET] = _PITCH_LEVELS[voice[130 + stage]] << 19
        common[_PITCH_STEP] = _PITCH_RATES[voice[126 + stage]] * slowest


@compiled
def _pitch_envelope(common, held, voice, slowest):
    """Return the pitch envelope's value in the next block."""
    if common[_PITCH_STAGE] < 3 or (common[_PITCH_STAGE] < 4 and not held):
        level, target = common[_PITCH_LEVEL], common[_PITCH_TARGET]
        rising = target > level
        level += common[_PITCH_STEP] if rising else -common[_PITCH_STEP]
        common[_PITCH_LEVEL] = level
        if level >= target if rising else level <= target:
            common[_PITCH_LEVEL] = target
            _advance_pitch(common, common[_PITCH_STAGE] + 1, voice, slowest)
    return common[_PITCH_LEVEL]


@compiled
def _phase_step(pitch, frequencies):
    """Return how far an oscillator of a pitch turns in a sample, where 2^24 is a cycle."""
    place, rest = (pitch & (ONE - 1)) >> 14, pitch & 0x3FFF
    low, high = frequencies[place], frequencies[place + 1]
    step = int32(low + (int32(high - low) * rest >> 14))
    # Beyond 2^21 Hz the engine shifts by a negative number, of which a processor takes the last five bits.
    return step >> ((20 - (pitch >> 24)) & 31)


@compiled
def _damping(sensitivity, modulation):
    """Return by how much the LFO lowers an operator's level, where 2^24 is all of it."""
    depth = np.float32((modulation * sensitivity) >> 24)
    return int(math.exp(np.float64(depth / np.float32(262144)) * 0.07 + 12.2))


@compiled
def control(voice, blocks, release_at, clock, operators, common, attenuations, steps, room):
    """Go on by some blocks.

    Args:
        voice: its 155 bytes.
        blocks: how many.
        release_at: the block before which the key is let go; negative if it was.
        clock: see Clock.
        operators: their states (6, OPERATOR_STATE).
        common: the voice's state (VOICE_STATE,).
        attenuations: (6, blocks + 1) to fill, each block's end; the first is where the block before ended.
        steps: (6, blocks) of phase, to fill, where 2^32 is a cycle.
        room: (3, blocks) to work in.
    """
    bends, modulations, levels = room[0], room[1], room[2]
    for block in range(blocks):
        if block == release_at:
            _advance_pitch(common, 3, voice, clock.pitch)
        wave, delay = wave_of(common), delay_of(common)
        swing = common[_PITCH_SENSITIVITY] * (wave - (ONE >> 1))
        bend = abs((common[_PITCH_DEPTH] * delay * swing) >> 39)
        envelope = _pitch_envelope(common, block < release_at, voice, clock.pitch)
        bends[block] = envelope - bend if swing < 0 else envelope + bend
        modulations[block] = (((common[_AMPLITUDE_DEPTH] * delay) >> 8) * (ONE - wave)) >> 24
    for operator in range(6):
        pitch, fixed = operators[operator, _PITCH], voice[operator * 21 + 17]
        step = np.int64(0)
        for block in range(blocks):
            if block == 0 or not (fixed or bends[block] == bends[block - 1]):
                bend = 0 if fixed else bends[block]
                step = _phase_step(pitch + bend, clock.frequencies) << 8
            steps[operator, block] = step
        _envelope(voice, operator, blocks, release_at, clock.rate, operators, levels)
        sensitivity = _AMPLITUDE_SENSITIVITIES[voice[operator * 21 + 14] & 3]
        damping = np.int64(0)
        for block in range(blocks):
            level = levels[block]
            if sensitivity:
                if block == 0 or modulations[block] != modulations[block - 1]:
                    damping = _damping(sensitivity, modulations[block]) << 4
                level -= (level * damping) >> 28
            attenuations[operator, block + 1] = (1 << 14) - (level >> 14)
