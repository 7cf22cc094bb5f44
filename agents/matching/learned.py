"""The note at which an agent that has learned some notes plays a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.notes import NOTE, Note
from synthgym.task import SoundMatchingTask

from ..training.shipped import shipped_model
from .recording import Recording


def within(recording: Recording, learned: Note, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the note, of those that were learned, at which a recording is matched.

    Args:
        recording: to be matched.
        learned: the note, or the range of notes, that the agent has learned.
        asked: keywords of the environment that were asked for.

    Returns:
        ``note``, ``velocity``, ``hold`` and ``duration`` for the environment, as far as nothing else is asked
        for, and remarks about the recording, a line each.

    Raises:
        SynthgymError: the note was not learned.
    """
    low, high = learned.range
    (middle,) = learned.middle()
    pitch, velocity, hold = middle.tolist()
    known = {"duration": learned.duration}
    if "note" in asked or 0 not in learned.varies:
        known["note"] = asked.get("note", int(pitch))  # it need not be heard
    keywords, remarks = recording.env_kwargs(known, None)
    pitch = keywords["note"]
    if not (isinstance(pitch, int) and low[0] <= pitch <= high[0]):
        raise SynthgymError(
            f"{recording.path} is of note {pitch}, and what was learned is of {learned.text(0)}; "
            "leave out the model or data set, or say another --note"
        )
    if "note" not in asked and 0 not in learned.varies:
        remarks.append(f"played at note {pitch}, the one that was learned")
    if 2 in learned.varies:
        hold = float(np.clip(keywords["hold"], low[2], high[2]))
    return {"note": pitch, "velocity": int(velocity), "hold": hold, **known}, remarks


def unlearned(task: SoundMatchingTask, env_id: str) -> list[str]:
    """Return remarks, a line each, about what the network that comes with an environment has not learned.

    Args:
        task: with the notes that are to be played.
        env_id: of the environment.

    Returns:
        No line if it has learned all of it, or there is no such network.
    """
    from ..guided import origin  # PyTorch takes seconds to import

    model = shipped_model(env_id)
    if model is None:
        return []
    learned, remarks = origin("guided", model), []
    if beyond := learned.note.lacks(task.note):
        remarks.append(
            f"the network has learned {beyond}: it hears the nearest, and hill climbing does the rest"
        )
    if task.note.duration > learned.note.duration:
        remarks.append(f"the network hears the first {learned.note.duration:g} s")
    return remarks


def check_one_note(task: SoundMatchingTask) -> None:
    """Raise SynthgymError if a range of notes was asked for, where one is to be matched or rendered."""
    if task.notes_per_target > 1:
        raise SynthgymError("a target of several notes is matched by --together; leave notes_per_target out")
    if task.note.varies:
        names = ", ".join(NOTE[i] for i in task.note.varies)
        raise SynthgymError(
            f"one note is played here, and a range was given: {names}; say --note N, or "
            "--env-kwargs velocity=N hold=S"
        )
