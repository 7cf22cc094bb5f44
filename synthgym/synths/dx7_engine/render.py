"""Voices in, audio out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int32, njit
from numpy.typing import NDArray

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


@njit(_nrt=False)
def _feedback_together(count, blocks, voices, room):  # type: ignore[no-untyped-def]
    """Work out the feedback of the first ``count`` of the room's members, whose operator feeds itself."""
    lanes = (count + 15) // 16 * 16
    phase, step, loudness, slope = room.lanes[0], room.lanes[1], room.lanes[2], room.lanes[3]
    shift, plays, before, last = room.lanes[4], room.lanes[5], room.lanes[6], room.lanes[7]
    for lane in range(count, lanes):
        plays[lane] = 0
    for lane in range(count):
        voice = room.members[lane]
        algorithm = voices[voice, 134]
        phase[lane] = room.phases[voice, FEEDBACK[algorithm]]
        shift[lane] = min(8 - voices[voice, 135] + SOFTENED[algorithm], 16) + 1
        before[lane], last[lane] = room.memory[voice, 0], room.memory[voice, 1]
    for block in range(blocks):
        for lane in range(count):
            voice = room.members[lane]
            first, attenuations = FEEDBACK[voices[voice, 134]], room.attenuations[voice]
            loudness[lane] = attenuations[first, block] + LOGARITHM
            slope[lane] = _slope(attenuations, first, block)
            step[lane] = room.steps[voice, first, block]
            plays[lane] = -1 if _played(attenuations, first, block) else 0
        _feedback_block(lanes, phase, step, loudness, slope, shift, plays, before, last, room.tile)
        for lane in range(count):
            output = room.looped[room.members[lane]]
            for i in range(BLOCK):
                output[block * BLOCK + i] = room.tile[i * LANES + lane]
    for lane in range(count):
        voice = room.members[lane]
        room.memory[voice, 0], room.memory[voice, 1] = before[lane], last[lane]


@njit(_nrt=False)
def _turn(phase, place, step, modulation):  # type: ignore[no-untyped-def]
    """Fill in an oscillator's phase, with what modulates it."""
    for i in range(len(phase)):
        phase[i] = int32(int32(place + int32(i) * step) + int32(modulation[i] << 21))


@njit(_nrt=False)
def _slide(loudness, level, slope):  # type: ignore[no-untyped-def]
    """Fill in an operator's attenuation."""
    for i in range(len(loudness)):
        loudness[i] = int32(level + int32(i) * slope)


@njit(_nrt=False)
def _copy(to, of):  # type: ignore[no-untyped-def]
    for i in range(len(to)):
        to[i] = of[i]


@njit(_nrt=False)
def _mix(mixed, output):  # type: ignore[no-untyped-def]
    for i in range(len(mixed)):
        mixed[i] = int32(mixed[i] + output[i])


@njit(_nrt=False)
def _run(number, first, end, attenuations, steps, place, modulation, phase, loudness, output):  # type: ignore[no-untyped-def]
    """Play an operator from one block to another."""
    for block in range(first, end):
        level, slope = attenuations[number, block], _slope(attenuations, number, block)
        _slide(loudness[block * BLOCK : (block + 1) * BLOCK], int32(level + slope + LOGARITHM), int32(slope))
    begun, step = first, steps[number, first]
    for block in range(first + 1, end + 1):
        if block == end or steps[number, block] != step:  # the frequency is the same through a stretch
            a, b = begun * BLOCK, block * BLOCK
            _turn(phase[a:b], place, int32(step), modulation[a:b])
            place = int32(place + int32((block - begun) * BLOCK * step))
            if block < end:
                begun, step = block, steps[number, block]
    a, b = first * BLOCK, end * BLOCK
    _sines(phase[a:b], loudness[a:b], output[a:b])


@njit(_nrt=False)
def _modulation(algorithm, number, samples, outputs, silent):  # type: ignore[no-untyped-def]
    """Return which of the outputs modulates an operator: another operator's, none (6), or a sum (7, filled in)."""
    found = 6
    for modulator in range(number):
        if MODULATES[algorithm, number, modulator] and not silent[modulator]:
            if found == 6:
                found = modulator
                continue
            if found < 6:
                _copy(outputs[7, :samples], outputs[found, :samples])
                found = 7
            _mix(outputs[7, :samples], outputs[modulator, :samples])
    return found


@njit(_nrt=False)
def _voice(voice, place, blocks, room):  # type: ignore[no-untyped-def]
    """Mix the carriers of one voice, the room's at ``place``, over some blocks."""
    attenuations, steps, phases = room.attenuations[place], room.steps[place], room.phases[place]
    looped, mixed = room.looped[place], room.mixed[place]
    outputs, silent = room.outputs, room.silent
    phase, loudness = room.samples[0], room.samples[1]
    algorithm = voice[134]
    first = FEEDBACK[algorithm]
    last = first + LOOP[algorithm] - 1
    samples = blocks * BLOCK
    mixed[:samples] = 0
    silent[:] = True
    for number in range(6):
        output = outputs[number]
        in_loop = voice[135] > 0 and first <= number <= last
        begun, turned = -1, phases[number]
        for block in range(blocks + 1):
            plays = block < blocks and _played(attenuations, number, block)
            looping = in_loop and block < blocks and _played(attenuations, first, block)
            if plays and not looping:
                if begun < 0:
                    begun, turned = block, phases[number]
                    silent[number] = False
            elif begun >= 0:
                modulation = outputs[_modulation(algorithm, number, samples, outputs, silent)]
                _run(number, begun, block, attenuations, steps, turned, modulation, phase, loudness, output)
                begun = -1
            if block < blocks:
                if looping and number == last:
                    silent[number] = False
                    _copy(output[block * BLOCK : (block + 1) * BLOCK], looped[block * BLOCK : (block + 1) * BLOCK])
                elif looping or not plays:
                    output[block * BLOCK : (block + 1) * BLOCK] = 0
                phases[number] = int32(phases[number] + int32(steps[number, block] << 6))
        if CARRIERS[algorithm, number] and not silent[number]:
            _mix(mixed[:samples], output[:samples])


@njit(_nrt=False)
def _filter_eight(mixed, pole, memory, audio):  # type: ignore[no-untyped-def]
    """Write eight mixed voices (8, ...) to audio (8, samples), through the high-pass.

    It is that of ``scipy.signal.lfilter``, in float64 and in its order. Each value waits for the one
    before, so eight voices go side by side, by hand: that is four times as fast.
    """
    a, b, c, d, e, f, g, h = memory
    scale = 0.125 / 4096
    for i in range(audio.shape[1]):
        x = float(mixed[0, i])
        y = a + x
        a = -x - pole * y
        audio[0, i] = y * scale
        x = float(mixed[1, i])
        y = b + x
        b = -x - pole * y
        audio[1, i] = y * scale
        x = float(mixed[2, i])
        y = c + x
        c = -x - pole * y
        audio[2, i] = y * scale
        x = float(mixed[3, i])
        y = d + x
        d = -x - pole * y
        audio[3, i] = y * scale
        x = float(mixed[4, i])
        y = e + x
        e = -x - pole * y
        audio[4, i] = y * scale
        x = float(mixed[5, i])
        y = f + x
        f = -x - pole * y
        audio[5, i] = y * scale
        x = float(mixed[6, i])
        y = g + x
        g = -x - pole * y
        audio[6, i] = y * scale
        x = float(mixed[7, i])
        y = h + x
        h = -x - pole * y
        audio[7, i] = y * scale
    return a, b, c, d, e, f, g, h


@njit(_nrt=False)
def _filtered(mixed, count, samples, begin, pole, memory, audio):  # type: ignore[no-untyped-def]
    """Write mixed voices to their audio, through the high-pass if there is one."""
    if pole == 0:
        for voice in range(count):
            for i in range(samples):
                audio[voice, begin + i] = mixed[voice, i] * (0.125 / 4096)
        return
    whole = count // 8 * 8
    for i in range(0, whole, 8):
        m = memory[i : i + 8]
        state = (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7])
        state = _filter_eight(mixed[i : i + 8], pole, state, audio[i : i + 8, begin : begin + samples])
        m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7] = state
    for voice in range(whole, count):
        z = memory[voice]
        for i in range(samples):
            x = float(mixed[voice, i])
            y = z + x
            z = -x - pole * y
            audio[voice, begin + i] = y * (0.125 / 4096)
        memory[voice] = z


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
        looped, mixed: see ``_voice``.
        lanes: (9, LANES) of ``_feedback_together``.
        members: the voices whose feedback is worked out together.
        tile: (BLOCK, LANES), flat, of ``_feedback_block``.
        outputs, samples, values, silent, phase: more room.
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
    outputs: NDArray[np.int32]
    samples: NDArray[np.int32]
    values: NDArray[np.int64]
    silent: NDArray[np.bool_]
    phase: NDArray[np.int32]


def _lines(rows: int, length: int) -> NDArray[np.int32]:
    """Return zeros (rows, length) that begin where a line of the cache does: wide registers load them faster."""
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
        _lines(8, ROW),
        _lines(2, ROW),
        np.zeros((3, CHUNK), np.int64),
        np.zeros(6, np.bool_),
        np.zeros(3, np.int32),
    )


@njit(nogil=True, _nrt=False)
def render(voices, notes, clock, hold_blocks, pole, room, audio):  # type: ignore[no-untyped-def]
    """Render voices side by side.

    Args:
        voices: (B, 155) int64, at most LANES.
        notes: (B, 2) int64: note and velocity.
        clock: see ``control.clock``.
        hold_blocks: (B,) int64: the blocks of 64 samples for which keys are held.
        pole: of the high-pass, less than 0; 0 for none.
        room: see Room; fresh.
        audio: (B, samples) float32, to fill.
    """
    count, samples = audio.shape
    for voice in range(count):
        start(voices[voice], notes[voice, 0], notes[voice, 1], clock, room.operators[voice], room.common[voice])
    blocks = -(-samples // BLOCK)
    for begin in range(0, blocks, CHUNK):
        now = min(CHUNK, blocks - begin)
        alike = 0
        for voice in range(count):
            attenuations = room.attenuations[voice]
            for operator in range(6):
                attenuations[operator, 0] = attenuations[operator, CHUNK]
            control(
                voices[voice], now, hold_blocks[voice] - begin, clock, room.operators[voice], room.common[voice],
                attenuations, room.steps[voice], room.values,
            )  # fmt: skip
            if voices[voice, 135] > 0:
                algorithm = voices[voice, 134]
                plays = False
                for block in range(now):
                    plays |= _played(attenuations, FEEDBACK[algorithm], block)
                if plays and LOOP[algorithm] == 1:
                    room.members[alike] = voice
                    alike += 1
                elif plays:
                    _alone(voices[voice], voice, now, room)
        if alike > FEW:
            _feedback_together(alike, now, voices, room)
        else:
            for lane in range(alike):
                _alone(voices[room.members[lane]], room.members[lane], now, room)
        for voice in range(count):
            _voice(voices[voice], voice, now, room)
        first = begin * BLOCK
        _filtered(room.mixed, count, min(now * BLOCK, samples - first), first, pole, room.filtered, audio)


@njit(_nrt=False)
def _alone(voice, place, blocks, room):  # type: ignore[no-untyped-def]
    algorithm = voice[134]
    shift = min(8 - voice[135] + SOFTENED[algorithm], 16) + 1
    feedback_alone(
        room.attenuations[place], room.steps[place], blocks, FEEDBACK[algorithm], LOOP[algorithm], shift,
        room.phases[place], room.memory[place], room.looped[place], room.phase,
    )  # fmt: skip
