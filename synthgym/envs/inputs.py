"""What ``step`` and ``reset(options=...)`` take: actions; a target and a start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthgym.checks import floats, one_of
from synthgym.errors import ActionError, SoundError, SynthgymError, quoted
from synthgym.notes import FIELDS, NOTE, Note, Notes
from synthgym.parameters import Unit
from synthgym.recordings import read_recording
from synthgym.rendering import Rendered
from synthgym.synths import Audio, Synth
from synthgym.task import SoundMatchingTask

TARGETS = ("target_parameters", "target_audio", "target_file")
START = "start"
OPTIONS = (*TARGETS, START, *NOTE)
FULLEST = 100.0
"""Audio beyond this is no audio with full scale at 1."""


def checked_actions(actions: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return actions as float32 clipped to [-1, 1]; ActionError unless finite and of the shape (..., n).

    Args:
        actions: whatever a policy gave.
        shape: that they must have.

    Returns:
        Float32 in [-1, 1], a copy.
    """
    size = shape[-1]
    try:
        nudges = floats("an action", actions)
    except SynthgymError as error:
        raise ActionError(f"an action is {size} finite values; {error}") from error
    if nudges.shape != shape or not np.isfinite(nudges).all():
        many = f", one for each of {shape[0]} environments" if len(shape) > 1 else ""
        raise ActionError(f"an action is {size} finite values{many}; got {quoted(actions)}")
    return np.clip(nudges, -1, 1).astype(np.float32)


def _check_names(options: Mapping[str, Any]) -> None:
    """Raise UnknownNameError for an option that does not exist, SoundError for two targets."""
    if not isinstance(options, Mapping):
        raise SynthgymError(f"reset options are a dict with {', '.join(OPTIONS)}; got {quoted(options)}")
    for name in options:
        one_of("reset option", name, OPTIONS)
    given = [name for name in TARGETS if options.get(name) is not None]
    if len(given) > 1:
        raise SoundError(f"give one target, not {' and '.join(given)}")


@dataclass(frozen=True)
class Given:
    """What the caller of ``reset`` gives of an episode.

    Attributes:
        target: the rendered target, one sound, or None for a random one.
        start: unit vector of the start (1, n), or None for a random one.
        note: (3,), or (k, 3) of k notes a target, NaN for what is drawn.
    """

    target: Rendered | None
    start: Unit | None
    note: NDArray[np.float64]

    def over(self, drawn: Notes) -> Notes:
        """Return notes (B, 3) or (B, k, 3), in which what is given takes the place of what was drawn."""
        return np.where(np.isnan(self.note), drawn, self.note)


NOTHING = Given(None, None, np.full(3, np.nan))


def given(task: SoundMatchingTask, options: Mapping[str, Any] | None) -> Given:
    """Return what the options of a reset give.

    Args:
        task: that renders the target, if it is a sound or parameters.
        options: by the names in OPTIONS; one that is None is not given.

    Returns:
        Target and start, each None if it is left to chance, and the note, NaN where it is.

    Raises:
        UnknownNameError: an option that does not exist.
        SoundError: missing, silent, no audio, or of a wrong length.
        ParameterError: parameters of a wrong length or outside [0, 1].
        SynthgymError: a note that cannot be played, or one where the environment has one note; or options
            that are no dict.
    """
    if not isinstance(options, Mapping | None):
        raise SynthgymError(f"options is a dict of them by name; got {quoted(options)}")
    options = options or {}
    _check_names(options)
    note = _note(task, options)
    start = None if options.get(START) is None else _vector(task, options[START])
    return Given(_target(task, options, note), start, note)


def _note(task: SoundMatchingTask, options: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the note (3,) of the options, or the notes (k, 3).

    What they leave open of a target that is given is the middle; of k notes only the hold may be open.
    """
    each, middle = task.notes_per_target, task.note.middle()[0]
    note = np.full((3,) if each == 1 else (each, 3), np.nan)
    for i, name in enumerate(NOTE):
        values = options.get(name)
        if values is None:
            continue
        if each == 1:
            note[i] = _value(task, i, values)
        else:
            note[:, i] = [_value(task, i, value) for value in _several(name, values, each)]
    fixed = np.isnan(note) & ~np.isin(np.arange(3), task.note.varies)
    known = np.where(fixed, middle, note).reshape(-1, 3)
    known = known[~np.isnan(known).any(axis=1)]
    if len(np.unique(known, axis=0)) < len(known):
        raise SynthgymError("two notes of the target are the same; give different notes or velocities")
    target = next((name for name in TARGETS if options.get(name) is not None), None)
    if target is None:
        return note
    open_ones = [NOTE[i] for i in task.note.varies if np.isnan(note[..., i]).any() and NOTE[i] != "hold"]
    if each > 1 and open_ones:
        raise SynthgymError(
            f"this environment plays {each} notes a target; say those of the {target}, as "
            f"options={{'{open_ones[0]}': [...]}}"
        )
    if target != "target_parameters" and 0 in task.note.varies and np.isnan(note[..., 0]).any():
        raise SynthgymError(
            f"this environment plays a range of notes; say that of the {target} with options={{'note': 60}}"
        )
    return np.where(np.isnan(note), middle, note)


def _value(task: SoundMatchingTask, i: int, value: Any) -> float:
    """Return a value of NOTE[i] that an option gives; SynthgymError if the environment does not play it."""
    name = NOTE[i]
    if i not in task.note.varies:
        raise SynthgymError(
            f"this environment plays one {name}, {task.note.middle()[0, i]:g}; "
            f"give {name}=(low, high) to gym.make"
        )
    # As the note of a synth it is checked by name.
    chosen = Note(**{"hold": task.note.duration, FIELDS[i]: value}, duration=task.note.duration)
    if i in chosen.varies:
        raise SynthgymError(f"an episode plays one {name}; got {quoted(value)}")
    found = float(chosen.range[0][i])
    low, high = (float(end[i]) for end in task.note.range)
    if not low <= found <= high:
        raise SynthgymError(f"this environment plays {task.note.text(i)}; got {name}={quoted(value)}")
    return found


def _several(name: str, values: Any, each: int) -> list[Any]:
    """Return values of which there must be one for each note of a target.

    Args:
        name: of the option, for the message.
        values: a list, a tuple or an array.
        each: how many there must be.

    Returns:
        A list of so many.

    Raises:
        SynthgymError: they are none, or more or fewer.
    """
    if not isinstance(values, (list, tuple, np.ndarray)) or len(values) != each:
        raise SynthgymError(f"this environment plays {each} notes a target: {name} is a list of {each}")
    return list(values)


def _target(
    task: SoundMatchingTask, options: Mapping[str, Any], note: NDArray[np.float64]
) -> Rendered | None:
    synth, rate = task.synth, task.synth.sample_rate
    if options.get("target_parameters") is not None:
        target = task.render(_vector(task, options["target_parameters"]), note, audio=True)
    elif options.get("target_file") is not None:
        sounds = _each(task, "target_file", options, lambda file: read_recording(file, rate, synth.samples))
        target = task.extract(sounds)
    elif options.get("target_audio") is not None:
        target = task.extract(_each(task, "target_audio", options, lambda audio: _audio(audio, synth)))
    else:
        return None
    if not target.features[0].any(axis=(-1, -2)).all():
        raise SoundError("the target is silent; give one with sound in it")
    return target


def _each(
    task: SoundMatchingTask, name: str, options: Mapping[str, Any], read: Callable[[Any], Audio]
) -> Audio:
    """Return the clip (1, samples) that an option gives, or those of k notes a target, (1, k, samples)."""
    value, each = options[name], task.notes_per_target
    return (read(value) if each == 1 else np.stack([read(one) for one in _several(name, value, each)]))[None]


def _audio(given: Any, synth: Synth) -> NDArray[np.float32]:
    try:
        audio = np.asarray(given)
    except ValueError:  # of several lengths
        audio = np.empty(0)
    loudest = np.abs(audio).max(initial=0) if audio.dtype.kind == "f" else np.inf
    if audio.shape != (synth.samples,) or not loudest <= FULLEST:
        raise SoundError(
            f"target_audio must be {synth.samples} finite mono samples at {synth.sample_rate} Hz, floats "
            f"with full scale at 1; got {audio.dtype} of shape {audio.shape}; "
            "synthgym.recordings.as_target fits any recording"
        )
    return audio.astype(np.float32)


def _vector(task: SoundMatchingTask, values: ArrayLike) -> Unit:
    return task.space.check(np.array(task.space.check(values)).reshape(1, -1))
