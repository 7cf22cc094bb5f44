"""What is heard of a plugin before anybody plays it: what silences it, and whether it is heard at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from synthgym.errors import PluginCrashed, SynthError
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.audible import audible
from synthgym.synths.base import Audio
from synthgym.synths.knobs import Knob

SILENT = 10 ** (-120 / 20)
"""A sound that peaks below -120 dBFS is nothing: effects leave 1e-25, samplers without a sample 1e-8."""
SOUNDING = 2
"""A knob is held if the default patch sounds on so many of its steps at most, and on no more than half."""
DRAWS = 200
"""Random patches, of which one must be audible if the default patch is not."""
SECONDS = 6.0
"""After so long, fewer must do, but"""
FEWEST = 20
"""so many, which are also enough to hear that some knob changes the sound."""
HURRY = 3.0
"""Seconds after which a patch that is tried is taken to hang: those who make an environment are waiting."""

Render = Callable[[Native], Audio]
"""Gives the audio (samples,) of a native row."""


def held_knobs(knobs: Sequence[Knob], default: Native, render: Render) -> dict[str, str]:
    """Return the names of the knobs that silence the default patch on nearly all of their steps, and why."""
    if silent(render(default)):
        return {}
    held = {}
    for place, knob in enumerate(knobs):
        if knob.steps and (count := _silent_steps(place, knob, default, render)):
            at = knob.parameter.text(default[place])
            held[knob.parameter.name] = f"at {at}; the plugin is silent on {count} of its {knob.steps} steps"
    return held


def _silent_steps(place: int, knob: Knob, default: Native, render: Render) -> int:
    """Return on how many of its steps a knob silences the default patch; 0 if it sounds on enough of them."""
    sounding = 1
    for step in range(knob.steps):
        if step == default[place]:
            continue
        row = default.copy()
        row[place] = step
        try:
            sounding += not silent(render(row))
        except PluginCrashed:  # that says nothing
            return 0
        if sounding > min(SOUNDING, knob.steps // 2):
            return 0
    return knob.steps - sounding


def silent(audio: Audio) -> bool:
    """Return whether a sound (samples,) is nothing."""
    return bool(np.abs(audio).max() < SILENT)


def check_heard(plugin: str, inputs: int, space: ParameterSpace, left: Sequence[str], render: Render) -> None:
    """Raise SynthError if nothing is heard of a plugin, or of any of its free knobs.

    Args:
        plugin: what messages call it.
        inputs: how many audio inputs it has.
        space: of the patches that will be played.
        left: names of parameters that are not free and might be to blame.
        render: raises PluginCrashed where the plugin crashes.
    """
    until, rng = time.monotonic() + SECONDS, np.random.default_rng(0)
    default = render(space.row({}))
    sounds, loudest, draws, moved = audible(default), float(np.abs(default).max()), 0, False
    while not (sounds and moved):
        if draws >= (FEWEST if sounds or time.monotonic() > until else DRAWS):
            break
        draws += 1
        try:
            audio = render(space.to_native(space.sample(rng)))
        except PluginCrashed:  # what crashes is told by those who render
            moved = True
            continue
        moved |= not np.array_equal(audio, default)
        sounds |= audible(audio)
        loudest = max(loudest, float(np.abs(audio).max()))
    if sounds and moved:
        return
    named = ", ".join(space.names[:6]) + (", ..." if len(space) > 6 else "")
    if sounds:
        raise SynthError(
            f"{plugin}: none of its {len(space)} knobs is heard ({named}): {draws} random patches "
            "sound alike; free others, or give another plugin"
        )
    blamed = f" (or free {', '.join(left[:6])})" if left else ""
    tried = f"as it is loaded and in {draws} random patches"
    if loudest >= SILENT:
        level = 20 * np.log10(loudest)
        raise SynthError(
            f"{plugin} is inaudible {tried}: it peaks at {level:.0f} dBFS, and -44 are needed; "
            f"free or freeze a knob of its level{blamed}"
        )
    if inputs:
        raise SynthError(
            f"{plugin} takes {inputs} audio inputs and is silent on a note, {tried}: "
            f"an effect; give an instrument{blamed}"
        )
    raise SynthError(
        f"{plugin} is silent {tried}: it may be a sampler without a sample; "
        f"give an instrument that sounds by itself{blamed}"
    )
