"""Dexed's high-pass, from mixed voices to audio."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from numba import float32

from synthgym.compiling import compiled

SCALE = 0.125 / 4096
"""The plugin's level: an operator's 4,096, full level, is an eighth."""


def step_by(product: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step of the filter; the caller compiles it.

    It returns what is kept of a sample and what is heard, as ``scipy.signal.lfilter`` does, in its order.

    Args:
        product: multiplies two numbers and rounds, before anything is added.
    """

    def step(memory, x, pole):
        y = memory + x
        return -x - product(pole, y), y * SCALE

    return step


step = compiled(step_by(operator.mul))


@compiled
def _filter_eight(mixed, pole, memory, audio):
    """Write eight mixed voices (8, ...) to audio (8, samples), through the high-pass.

    Each value waits for the one before, so eight voices go side by side, by hand.
    """
    a, b, c, d, e, f, g, h = memory
    for i in range(audio.shape[1]):
        a, audio[0, i] = step(a, mixed[0, i], pole)
        b, audio[1, i] = step(b, mixed[1, i], pole)
        c, audio[2, i] = step(c, mixed[2, i], pole)
        d, audio[3, i] = step(d, mixed[3, i], pole)
        e, audio[4, i] = step(e, mixed[4, i], pole)
        f, audio[5, i] = step(f, mixed[5, i], pole)
        g, audio[6, i] = step(g, mixed[6, i], pole)
        h, audio[7, i] = step(h, mixed[7, i], pole)
    return a, b, c, d, e, f, g, h


@compiled
def _scale(mixed, audio):
    """Write a mixed voice to its audio; 32 bits hold every such product exactly."""
    for i in range(len(mixed)):
        audio[i] = float32(mixed[i]) * float32(SCALE)


@compiled
def filtered(mixed, count, samples, begin, pole, memory, audio):
    """Write mixed voices to their audio, through the high-pass if there is one.

    Args:
        mixed: int32 (voices, samples or more), sums of carriers.
        count: how many voices.
        samples: how many are written.
        begin: place in the audio of the first.
        pole: of the filter, less than 0; 0 for none.
        memory: float64 (voices,), what the filter keeps; written.
        audio: float32 (voices, all samples), written; full scale is 1.
    """
    if pole == 0:
        for voice in range(count):
            _scale(mixed[voice, :samples], audio[voice, begin : begin + samples])
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
            z, audio[voice, begin + i] = step(z, mixed[voice, i], pole)
        memory[voice] = z
