"""The note at which an agent that has learned a range of notes plays a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.notes import FIELDS, NOTE, Note

from .recording import Recording


def note_of_keywords(env_kwargs: Mapping[str, Any]) -> Note:
    """Return what an environment with such keywords plays; SynthgymError for a note that there is none of."""
    given = {field: env_kwargs[name] for field, name in zip(FIELDS, NOTE, strict=True) if name in env_kwargs}
    duration = {"duration": env_kwargs["duration"]} if "duration" in env_kwargs else {}
    return Note(**given, **duration)


def within(recording: Recording, learned: Note, asked: int | None) -> tuple[dict[str, Any], list[str]]:
    """Return the note, of those that were learned, at which a recording is matched.

    Args:
        recording: to be matched.
        learned: the note, or the range of notes, that the agent has learned.
        asked: MIDI note that was asked for (default: that of the recording's pitch, if a range was learned).

    Returns:
        ``note``, ``velocity`` and ``hold`` for the environment, and remarks about the recording, a line each.

    Raises:
        SynthgymError: the note was not learned.
    """
    low, high = learned.range
    (middle,) = learned.middle()
    keywords, remarks = recording.env_kwargs({"duration": learned.duration}, asked)
    pitch, velocity, hold = middle.tolist()
    if asked is not None or 0 in learned.varies:
        pitch = keywords["note"] if asked is None else asked
        if not low[0] <= pitch <= high[0]:
            raise SynthgymError(
                f"{recording.path} is of note {pitch}, and what was learned is of {learned.text(0)}; "
                "leave out the model, or say another --note"
            )
    else:
        remarks = [f"played at note {pitch:g}, the one that was learned"]
    if 2 in learned.varies:
        hold = float(np.clip(keywords["hold"], low[2], high[2]))
    return {"note": int(pitch), "velocity": int(velocity), "hold": hold}, remarks
