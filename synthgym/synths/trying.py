"""What is heard of a plugin before anybody plays it: what silences it, and whether it is heard at all."""

from __future__ import annotations

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
"""Random patches, of which one must be audible if the default patch is not,"""
SOUND = 200.0
"""or as many as make so many seconds of sound, some seconds of work, if they are fewer, but"""
FEWEST = 20
"""so many, which are also enough to hear that some knob changes the sound."""
CRASHES = 3
"""So many patches that crash or hang are enough, each of which may take its time."""
HURRY = 3.0
"""Seconds after which a patch that is tried is taken to hang, unless the user has said how long one may take:
those who make an environment are waiting."""
SLOWER = 4.0
"""So many times as long as the default patch it may take in any case."""

Render = Callable[[Native], Audio]
"""Gives the audio (samples,) of a native row."""


def held_knobs(knobs: Sequence[Knob], default: Native, render: Render) -> dict[str, str]:
    """Return the names of the knobs on few of whose steps the default patch sounds (SOUNDING), and why.

    Args:
        knobs: of the plugin.
        default: native row of the default patch, which is not silent.
        render: raises PluginCrashed where the plugin crashes.

    Returns:
        Why each of them is held, by its name.
    """
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


def check_heard(
    plugin: str,
    inputs: int,
    space: ParameterSpace,
    left: Sequence[str],
    default: Audio,
    render: Render,
    seconds: float,
) -> None:
    """Raise SynthError if nothing is heard of a plugin, or of any of its free knobs.

    That is decided by the same random patches on every machine, however fast: 200 seconds of sound, and 20 to
    200 patches, must have an audible one; of a plugin that sounds as it is loaded, 20 must have one that
    sounds otherwise. Three patches that crash or hang end it sooner.

    Args:
        plugin: what messages call it.
        inputs: how many audio inputs it has.
        space: of the patches that will be played.
        left: names of parameters that are not free and might be to blame.
        default: what the patch sounds like that nobody has turned a knob of.
        render: raises PluginCrashed where the plugin crashes.
        seconds: how long a sound is.
    """
    rng = np.random.default_rng(0)
    sounds, loudest = audible(default), float(np.abs(default).max())
    most = FEWEST if sounds else min(DRAWS, max(FEWEST, round(SOUND / seconds)))
    draws, crashes, moved = 0, 0, False
    while not (sounds and moved) and draws < most and crashes < CRASHES:
        draws += 1
        try:
            audio = render(space.to_native(space.sample(rng)))
        except PluginCrashed:  # what crashes is told by those who render
            crashes, moved = crashes + 1, True
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
    crashed = f" ({crashes} of them crashed or hung)" if crashes else ""
    tried = f"as it is loaded and in {draws} random patches{crashed}"
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
