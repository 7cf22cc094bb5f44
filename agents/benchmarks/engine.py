"""The batched DX7 engine against dexed-py."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np

from synthgym.synths.dexed import DexedSynth
from synthgym.task import SoundMatchingTask

from .section import Effort, Row, Section
from .turns import Turn, median, ratio, take_turns

VOICES = 256
RAW = {"high_pass": False}
WHAT: dict[str, tuple[int, dict[str, Any]]] = {
    "raw": (VOICES, RAW),
    "raw, 16 at once": (16, RAW),
    "raw, one by one": (1, RAW),
    "with the high-pass": (VOICES, {}),
    "with the default feature": (VOICES, {}),
}
"""What is measured: voices at once, and options."""


def measure(effort: Effort) -> list[Row]:
    """Measure one and six operators."""
    return [_row_of(operators, what, effort) for operators in (1, 6) for what in WHAT]


def _row_of(operators: int, what: str, effort: Effort) -> Row:
    """Render the same human-like voices by both engines in turn."""
    size, options = WHAT[what]
    turns = {
        engine: _turn(operators, engine, size, options, feature="feature" in what)
        for engine in ("dexed-py", "batched")
    }
    figures = take_turns(effort.rounds, turns)
    return {
        "operators": operators,
        "what": what,
        "dexed": median(figures["dexed-py"]),
        "batched": median(figures["batched"]),
        "speed": ratio(figures["dexed-py"], figures["batched"]),
        "rounds": figures,
    }


def _turn(operators: int, engine: Any, size: int, options: dict[str, Any], feature: bool) -> Turn:
    """Return a turn in milliseconds a voice, in one thread."""
    synth = DexedSynth(operators=operators, engine=engine, **options)
    voices: Any = synth.human_like([np.random.default_rng(i) for i in range(VOICES)])
    render: Any = synth.render
    if feature:
        task = SoundMatchingTask("dexed", operators=operators, engine=engine, **options)
        voices, render = task.space.to_unit(voices), partial(task.render, audio=False)
    render(voices[:size])

    def turn() -> float:
        start = time.perf_counter()
        for at in range(0, VOICES, size):
            render(voices[at : at + size])
        return (time.perf_counter() - start) * 1e3 / VOICES

    return turn


SECTION = Section(
    name="engine",
    title="The batched DX7 engine",
    text=f"{VOICES} human-like voices of one second at 44.1 kHz, milliseconds a voice, one thread. Raw is "
    "without the high-pass. dexed-py renders one voice after the other; the bytes are the same.",
    columns={
        "operators": "operators",
        "what": "what",
        "dexed": "dexed-py, ms",
        "batched": "batched, ms",
        "speed": "dexed-py / batched",
    },
    measure=measure,
)
