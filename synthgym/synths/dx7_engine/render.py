"""Voices in, audio out."""

from __future__ import annotations

import numpy as np
from numba import int32, njit

from synthgym.synths.dx7_engine.control import OFF, OPERATOR_STATE, VOICE_STATE, control, start
from synthgym.synths.dx7_engine.operators import (
    AUDIBLE,
    CARRIERS,
    CHUNK,
    FEEDBACK,
    FEW,
    LANES,
    LOOP,
    MODULATES,
    SAMPLES,
    SOFTENED,
    _feedback_block,
    _played,
    _sines,
    _slope,
    feedback_alone,
)
from synthgym.synths.dx7_engine.sine import LOGARITHM
from synthgym.synths.dx7_engine.tables import BLOCK


@njit
def _feedback_together(members, count, blocks, voices, attenuations, steps, phases, memory, outputs, tile):  # type: ignore[no-untyped-def]
    """Work out the feedback of ``count`` voices whose operator feeds itself; the voices are ``members``."""
    lanes = (count + 15) // 16 * 16
    phase, step = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    loudness, slope = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    shift, plays = np.ones(LANES, np.int32), np.zeros(LANES, np.int32)
    before, last = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    for lane in range(count):
        voice = members[lane]
        algorithm = voices[voice, 134]
        phase[lane] = phases[voice, FEEDBACK[algorithm]]
        shift[lane] = min(8 - voices[voice, 135] + SOFTENED[algorithm], 16) + 1
        before[lane], last[lane] = memory[voice, 0], memory[voice, 1]
    for block in range(blocks):
        for lane in range(count):
            voice = members[lane]
            first = FEEDBACK[voices[voice, 134]]
            loudness[lane] = attenuations[voice, first, block] + LOGARITHM
            slope[lane] = _slope(attenuations[voice], first, block)
            step[lane] = steps[voice, first, block]
            plays[lane] = -1 if _played(attenuations[voice], first, block) else 0
        _feedback_block(lanes, phase, step, loudness, slope, shift, plays, before, last, tile)
        for lane in range(count):
            output = outputs[members[lane]]
            for i in range(BLOCK):
                output[block * BLOCK + i] = tile[i * LANES + lane]
    for lane in range(count):
        voice = members[lane]
        memory[voice, 0], memory[voice, 1] = before[lane], last[lane]


@njit
def _voice(voice, blocks, attenuations, steps, phases, looped, mixed, outputs, phase, loudness):  # type: ignore[no-untyped-def]
    """Mix one voice's carriers over some blocks.

    Args:
        voice: its bytes.
        blocks: how many.
        attenuations: (6, CHUNK + 1); steps: (6, CHUNK).
        phases: (6,); moved on.
        looped: (SAMPLES,), what came out of the feedback.
        mixed: (SAMPLES,) to fill.
        outputs: (6, SAMPLES), phase and loudness (SAMPLES,): room to work in.
    """
    algorithm = voice[134]
    first = FEEDBACK[algorithm]
    last = first + LOOP[algorithm] - 1
    samples = blocks * BLOCK
    mixed[:samples] = 0
    silent = np.ones(6, np.bool_)
    for number in range(6):
        output = outputs[number]
        in_loop = voice[135] > 0 and first <= number <= last
        begun = -1  # where a run of blocks began in which it plays
        for block in range(blocks + 1):
            begin = block * BLOCK
            plays = block < blocks and _played(attenuations, number, block)
            if block < blocks and in_loop and _played(attenuations, first, block):
                plays = False  # it is in `looped`
            if plays:
                if begun < 0:
                    begun = begin
                silent[number] = False
                place, step = phases[number], steps[number, block]
                level = int32(attenuations[number, block] + LOGARITHM)
                slope = _slope(attenuations, number, block)
                for i in range(BLOCK):
                    phase[begin + i] = int32(place + i * step)
                    loudness[begin + i] = int32(level + (i + 1) * slope)
            elif begun >= 0:
                for modulator in range(number):
                    if MODULATES[algorithm, number, modulator] and not silent[modulator]:
                        modulation = outputs[modulator]
                        for i in range(begun, begin):
                            phase[i] = int32(phase[i] + int32(modulation[i] << 21))
                _sines(phase, loudness, begun, begin, output)
                begun = -1
            if block < blocks:
                if not plays:
                    if in_loop and number == last and _played(attenuations, first, block):
                        silent[number] = False
                        output[begin : begin + BLOCK] = looped[begin : begin + BLOCK]
                    else:
                        output[begin : begin + BLOCK] = 0
                phases[number] = int32(phases[number] + int32(steps[number, block] << 6))
        if CARRIERS[algorithm, number] and not silent[number]:
            for i in range(samples):
                mixed[i] += output[i]


@njit
def _filtered(mixed, count, samples, begin, pole, memory, audio):  # type: ignore[no-untyped-def]
    """Write mixed voices to their audio, through the high-pass; eight together, since each waits for itself."""
    for group in range(0, count, 8):
        end = min(group + 8, count)
        for i in range(samples):
            for voice in range(group, end):
                x = mixed[voice, i] / 4096.0
                y = memory[voice] + x
                memory[voice] = -x - pole * y
                audio[voice, begin + i] = y * 0.125


@njit(nogil=True)
def render(voices, notes, clock, hold_blocks, pole, audio):  # type: ignore[no-untyped-def]
    """Render voices side by side.

    Args:
        voices: (B, 155) int64.
        notes: (B, 2) int64: note and velocity.
        clock: see ``control.clock``.
        hold_blocks: (B,) int64: the blocks of 64 samples for which keys are held.
        pole: of the high-pass, less than 0; 0 for none.
        audio: (B, samples) float32, to fill.
    """
    count, samples = audio.shape
    operators = np.zeros((count, 6, OPERATOR_STATE), np.int64)
    common = np.zeros((count, VOICE_STATE), np.int64)
    attenuations = np.full((count, 6, CHUNK + 1), OFF, np.int64)
    steps = np.zeros((count, 6, CHUNK), np.int64)
    phases = np.zeros((count, 6), np.int32)
    memory = np.zeros((count, 2), np.int32)
    filter_memory = np.zeros(count)
    looped = np.zeros((count, SAMPLES), np.int32)
    mixed = np.zeros((count, SAMPLES), np.int32)
    outputs = np.zeros((6, SAMPLES), np.int32)
    phase, loudness = np.zeros(SAMPLES, np.int32), np.zeros(SAMPLES, np.int32)
    tile = np.zeros(BLOCK * LANES, np.int32)
    members = np.zeros(LANES, np.int64)
    for voice in range(count):
        start(voices[voice], notes[voice, 0], notes[voice, 1], clock, operators[voice], common[voice])
    blocks = -(-samples // BLOCK)
    for begin in range(0, blocks, CHUNK):
        now = min(CHUNK, blocks - begin)
        alike = 0
        for voice in range(count):
            attenuations[voice, :, 0] = attenuations[voice, :, CHUNK]
            control(
                voices[voice], now, hold_blocks[voice] - begin, clock, operators[voice], common[voice],
                attenuations[voice], steps[voice],
            )  # fmt: skip
            if voices[voice, 135] > 0:
                algorithm = voices[voice, 134]
                first = FEEDBACK[algorithm]
                plays = False
                for block in range(now):
                    plays |= _played(attenuations[voice], first, block)
                if plays and LOOP[algorithm] == 1:
                    members[alike] = voice
                    alike += 1
                elif plays:
                    _alone(voices[voice], now, attenuations[voice], steps[voice], phases[voice], memory[voice], looped[voice])
        if alike > FEW:
            _feedback_together(members, alike, now, voices, attenuations, steps, phases, memory, looped, tile)
        else:
            for lane in range(alike):
                voice = members[lane]
                _alone(voices[voice], now, attenuations[voice], steps[voice], phases[voice], memory[voice], looped[voice])
        for voice in range(count):
            _voice(
                voices[voice], now, attenuations[voice], steps[voice], phases[voice], looped[voice],
                mixed[voice], outputs, phase, loudness,
            )  # fmt: skip
        first_sample = begin * BLOCK
        _filtered(mixed, count, min(now * BLOCK, samples - first_sample), first_sample, pole, filter_memory, audio)


@njit
def _alone(voice, blocks, attenuations, steps, phases, memory, looped):  # type: ignore[no-untyped-def]
    algorithm = voice[134]
    shift = min(8 - voice[135] + SOFTENED[algorithm], 16) + 1
    feedback_alone(attenuations, steps, blocks, FEEDBACK[algorithm], LOOP[algorithm], shift, phases, memory, looped)
