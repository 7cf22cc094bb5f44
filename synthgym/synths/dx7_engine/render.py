"""Voices in, audio out."""

from __future__ import annotations

from synthgym.compiling import released
from synthgym.synths.dx7_engine.control import control, start
from synthgym.synths.dx7_engine.feedback import FEW, alone, together
from synthgym.synths.dx7_engine.high_pass import filtered
from synthgym.synths.dx7_engine.operators import FEEDBACK, LOOP, played, voice_over
from synthgym.synths.dx7_engine.room import CHUNK
from synthgym.synths.dx7_engine.tables import BLOCK


@released
def render(voices, notes, clock, hold_blocks, pole, room, audio):
    """Render voices side by side.

    Args:
        voices: (B, 155) int64, at most LANES.
        notes: (B, 2) int64: note and velocity.
        clock: see ``clock``.
        hold_blocks: (B,) int64: the blocks of 64 samples for which keys are held.
        pole: of the high-pass, less than 0; 0 for none.
        room: see Room; fresh.
        audio: (B, samples) float32, to fill.
    """
    count, samples = audio.shape
    for voice in range(count):
        note, velocity = notes[voice, 0], notes[voice, 1]
        start(voices[voice], note, velocity, clock, room.operators[voice], room.common[voice])
    blocks = -(-samples // BLOCK)
    for begin in range(0, blocks, CHUNK):
        now = min(CHUNK, blocks - begin)
        alike = 0
        for voice in range(count):
            attenuations = room.attenuations[voice]
            for operator in range(6):
                attenuations[operator, 0] = attenuations[operator, CHUNK]
            release = hold_blocks[voice] - begin
            operators, common, steps = room.operators[voice], room.common[voice], room.steps[voice]
            control(voices[voice], now, release, clock, operators, common, attenuations, steps, room.values)
            if voices[voice, 135] > 0:
                algorithm = voices[voice, 134]
                plays = False
                for block in range(now):
                    plays |= played(attenuations, FEEDBACK[algorithm], block)
                if plays and LOOP[algorithm] == 1:
                    room.members[alike] = voice
                    alike += 1
                elif plays:
                    alone(voices[voice], voice, now, room)
        if alike > FEW:
            together(alike, now, voices, room)
        else:
            for lane in range(alike):
                alone(voices[room.members[lane]], room.members[lane], now, room)
        for voice in range(count):
            voice_over(voices[voice], voice, now, room)
        first = begin * BLOCK
        filtered(room.mixed, count, min(now * BLOCK, samples - first), first, pole, room.filtered, audio)
