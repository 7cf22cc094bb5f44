"""Feedback, which goes sample by sample: many voices side by side, or one alone."""

from __future__ import annotations

from numba import int32

from synthgym.compiling import compiled, contracted
from synthgym.lanes import WIDTH, load, store, store_turned
from synthgym.synths.dx7_engine import sine
from synthgym.synths.dx7_engine.operators import FEEDBACK, LOOP, SOFTENED, played, slope_of
from synthgym.synths.dx7_engine.room import LANES
from synthgym.synths.dx7_engine.sine import LOGARITHM, looked_up, operator
from synthgym.synths.dx7_engine.tables import BLOCK

FEW = 3
"""So many voices, or fewer, are worked out one after the other."""

_SINES, _POWERS = sine.tables()


@compiled
def alone(voice, place, blocks, room):
    """Work out the feedback of one voice, the room's at ``place``, over some blocks, sample by sample.

    Args:
        voice: its bytes (155,).
        place: its number among those rendered side by side.
        blocks: how many, of 64 samples each.
        room: of the voices; the outputs are written to ``looped``.
    """
    algorithm = voice[134]
    first, loop = FEEDBACK[algorithm], LOOP[algorithm]
    shift = min(8 - voice[135] + SOFTENED[algorithm], 16) + 1
    attenuations, steps, output = room.attenuations[place], room.steps[place], room.looped[place]
    before, last, phase = room.memory[place, 0], room.memory[place, 1], room.phase
    for further in range(loop):
        phase[further] = room.phases[place, first + further]
    for block in range(blocks):
        if played(attenuations, first, block):
            slope, loudness = slope_of(attenuations, first, block), attenuations[first, block]
            for i in range(block * BLOCK, (block + 1) * BLOCK):
                loudness += slope
                back = int32(((before + last) << 13 >> shift) << 8)
                before = last
                last = looked_up(int32(phase[0] + back), loudness, _SINES, _POWERS)
                phase[0] = int32(phase[0] + steps[first, block])
                for further in range(1, loop):
                    # In a longer loop the engine holds the others' levels through a block.
                    level = attenuations[first + further, block + 1]
                    last = looked_up(int32(phase[further] + int32(last << 21)), level, _SINES, _POWERS)
                    phase[further] = int32(phase[further] + steps[first + further, block])
                output[i] = last
        else:
            for further in range(loop):
                phase[further] = int32(phase[further] + int32(steps[first + further, block] << 6))
            output[block * BLOCK : (block + 1) * BLOCK] = 0
    room.memory[place, 0], room.memory[place, 1] = before, last


@contracted
def _block(lanes, phase, step, loudness, slope, shift, plays, before, last, output):
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


@compiled
def together(count, blocks, voices, room):
    """Work out the feedback of the first ``count`` of the room's members, whose operator feeds itself.

    Args:
        count: how many, at most LANES.
        blocks: how many, of 64 samples each.
        voices: the bytes of all voices (B, 155).
        room: of the voices; the outputs are written to ``looped``.
    """
    lanes = -(-count // WIDTH) * WIDTH
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
            slope[lane] = slope_of(attenuations, first, block)
            step[lane] = room.steps[voice, first, block]
            plays[lane] = -1 if played(attenuations, first, block) else 0
        _block(lanes, phase, step, loudness, slope, shift, plays, before, last, room.tile)
        for group in range(0, count, WIDTH):
            for i in range(0, BLOCK, WIDTH):
                store_turned(room.tile, i * LANES + group, LANES, room.turned, 0)
                for lane in range(group, min(group + WIDTH, count)):
                    sixteen = load(room.turned, (lane - group) * WIDTH)
                    store(room.looped[room.members[lane]], block * BLOCK + i, sixteen)
    for lane in range(count):
        voice = room.members[lane]
        room.memory[voice, 0], room.memory[voice, 1] = before[lane], last[lane]
