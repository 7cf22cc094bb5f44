"""What ``reset(options=...)`` takes: a target as parameters, audio or a file, and a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synthgym.errors import SoundError, UnknownNameError
from synthgym.parameters import Unit
from synthgym.recordings import read_recording
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

TARGETS = ("target_parameters", "target_audio", "target_file")
START = "start"


def check_names(options: Mapping[str, Any]) -> None:
    """Raise UnknownNameError for an option that does not exist, SoundError for two targets."""
    for name in options:
        if name not in (*TARGETS, START):
            raise UnknownNameError("reset option", name, (*TARGETS, START))
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
        return task.render_uncounted(_vector(task, options["target_parameters"]))
    if options.get("target_file") is not None:
        return read_recording(options["target_file"], synth.sample_rate, synth.samples)[None]
    if options.get("target_audio") is not None:
        audio = np.array(options["target_audio"], dtype=np.float32)
        if audio.shape != (synth.samples,) or not np.isfinite(audio).all():
            raise SoundError(
                f"target_audio must be {synth.samples} finite mono samples at {synth.sample_rate} Hz, not "
                f"an array of shape {audio.shape}; synthgym.recordings.as_target fits any recording"
            )
        return audio[None]
    return None


def given_start(task: SoundMatchingTask, options: Mapping[str, Any]) -> Unit | None:
    """Return the start that the options name as a batch of one (1, n), or None; raises as above."""
    return None if options.get(START) is None else _vector(task, options[START])


def _vector(task: SoundMatchingTask, values: ArrayLike) -> Unit:
    return task.space.check(np.array(values, dtype=np.float32).reshape(1, -1))
