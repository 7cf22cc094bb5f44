"""What ``step`` and ``reset(options=...)`` take: an action; a target and a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthgym.checks import floats, one_of
from synthgym.errors import ActionError, SoundError, SynthgymError
from synthgym.parameters import Unit
from synthgym.recordings import read_recording
from synthgym.synths import Audio, Synth
from synthgym.task import SoundMatchingTask

TARGETS = ("target_parameters", "target_audio", "target_file")
START = "start"
FULLEST = 100.0
"""Audio beyond this is no audio with full scale at 1."""


def checked_action(action: Any, size: int) -> NDArray[np.float32]:
    """Return an action as float32 (size,) clipped to [-1, 1]; ActionError unless it is finite and so long."""
    try:
        nudge = floats("an action", action)
    except SynthgymError as error:
        raise ActionError(f"an action is {size} finite values; {error}") from error
    if nudge.shape != (size,) or not np.isfinite(nudge).all():
        raise ActionError(f"an action is {size} finite values; got {action!r:.60}")
    return np.clip(nudge, -1, 1).astype(np.float32)


def check_names(options: Mapping[str, Any]) -> None:
    """Raise UnknownNameError for an option that does not exist, SoundError for two targets."""
    if not isinstance(options, Mapping):
        raise SynthgymError(f"reset options are a dict with {', '.join((*TARGETS, START))}; got {options!r}")
    for name in options:
        one_of("reset option", name, (*TARGETS, START))
    given = [name for name in TARGETS if options.get(name) is not None]
    if len(given) > 1:
        raise SoundError(f"give one target, not {' and '.join(given)}")


def given_target(task: SoundMatchingTask, options: Mapping[str, Any]) -> Audio | None:
    """Return the target that the options name as a batch of one (1, samples), or None.

    Raises:
        SoundError: missing, silent, no audio, or of a wrong length.
        ParameterError: parameters of a wrong length or outside [0, 1].
    """
    synth = task.synth
    if options.get("target_parameters") is not None:
        target = task.render_uncounted(_vector(task, options["target_parameters"]))
    elif options.get("target_file") is not None:
        target = read_recording(options["target_file"], synth.sample_rate, synth.samples)[None]
    elif options.get("target_audio") is not None:
        target = _audio(options["target_audio"], synth)[None]
    else:
        return None
    if not task.feature(target).any():
        raise SoundError("the target is silent; give one with sound in it")
    return target


def _audio(given: Any, synth: Synth) -> NDArray[np.float32]:
    audio = np.asarray(given)
    loudest = np.abs(audio).max(initial=0) if audio.dtype.kind == "f" else np.inf
    if audio.shape != (synth.samples,) or not loudest <= FULLEST:
        raise SoundError(
            f"target_audio must be {synth.samples} finite mono samples at {synth.sample_rate} Hz, floats "
            f"with full scale at 1; got {audio.dtype} of shape {audio.shape}; "
            "synthgym.recordings.as_target fits any recording"
        )
    return audio.astype(np.float32)


def given_start(task: SoundMatchingTask, options: Mapping[str, Any]) -> Unit | None:
    """Return the start that the options name as a batch of one (1, n), or None; raises as above."""
    return None if options.get(START) is None else _vector(task, options[START])


def _vector(task: SoundMatchingTask, values: ArrayLike) -> Unit:
    return task.space.check(np.array(task.space.check(values)).reshape(1, -1))
