"""What a page asks to be searched for: a recording, or several of one instrument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.notes import NOTE, Notes
from synthgym.parameters import Unit
from synthgym.task import MOST_NOTES

from ..matching.recording import Recording
from ..matching.together import Together
from ..trials.answers import Answer
from ..trials.trial import Trial
from .instruments import Instrument
from .uploads import Upload


@dataclass(frozen=True)
class Part:
    """What is matched of a recording.

    Attributes:
        number: of its take.
        upload: the recording.
        begin: seconds at which the part begins.
        end: seconds at which it ends.
        note: MIDI note of it.
    """

    number: int
    upload: Upload
    begin: float
    end: float
    note: int

    @property
    def asked(self) -> dict[str, Any]:
        """How a page asks for it, as JSON."""
        return {"take": self.number, "begin": self.begin, "end": self.end, "note": self.note}


@dataclass(frozen=True)
class Order:
    """A search that a page asks for.

    Attributes:
        instrument: that is to sound like the recording.
        part: that is matched.
        seconds: for which is searched.
        starts: patches (K, n) to begin with; none for a new search.
        others: recordings of the same instrument that the patch is to suit as well.

    Raises:
        SynthgymError: there are too many others.
    """

    instrument: Instrument
    part: Part
    seconds: float
    starts: Unit | None = None
    others: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if len(self.others) >= MOST_NOTES:
            raise SynthgymError(f"one preset is sought for {MOST_NOTES} recordings at most; remove some")

    @property
    def what(self) -> tuple[object, ...]:
        """What is matched, by what: searches of the same one may go on from each other."""
        parts = (self.part, *self.others)
        return self.instrument.key, *((one.number, one.begin, one.end, one.note) for one in parts)

    def aim(self) -> Aim:
        """Read the recordings; SynthgymError for a part without a sound, or two of one note and velocity."""
        parts = (self.part, *self.others)
        own, *others = (one.upload.part(one.begin, one.end) for one in parts)
        longest = max(one.end - one.begin for one in parts)
        asked = {**self.instrument.env_kwargs, "duration": max(0.5, math.ceil(100 * longest) / 100)}
        if not others:
            env_kwargs, remarks = own.env_kwargs(asked, self.part.note)
            return Aim(own, env_kwargs, env_kwargs, remarks)
        together = Together([own, *others], [one.note for one in parts])
        env_kwargs, remarks = together.env_kwargs(asked, None)
        notes = together.played(env_kwargs)
        own_note = dict(zip(NOTE, notes[0].tolist(), strict=True))
        return Aim(together, env_kwargs, {**asked, **own_note}, remarks, notes)


@dataclass(frozen=True)
class Aim:
    """Recordings as they are matched.

    Attributes:
        recording: one, or several together.
        env_kwargs: keywords of the environment that plays them.
        own: keywords of the one that plays the first of them alone.
        remarks: on how they were heard.
        notes: of several, (k, 3); None of one.
    """

    recording: Recording | Together
    env_kwargs: dict[str, Any]
    own: dict[str, Any]
    remarks: list[str]
    notes: Notes | None = None

    def first(self, several: NDArray[Any]) -> NDArray[Any]:
        """Return what is the first recording's of what each has, (k, ...), or of the only one, (...)."""
        return several if self.notes is None else several[0]

    def found(self, trial: Trial, answer: Answer) -> list[dict[str, Any]]:
        """Return of several recordings how far an answer is from each, as ``Together.found``; nothing of one.

        Args:
            trial: whose target they are.
            answer: that was found.

        Returns:
            Plain values by name.
        """
        return self.recording.found(trial, answer) if isinstance(self.recording, Together) else []
