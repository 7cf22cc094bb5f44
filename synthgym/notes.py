"""The notes that a synth plays: one for every render, or a range from which each is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthgym.checks import floats, number, whole
from synthgym.errors import SynthgymError, quoted

Notes = NDArray[np.float64]
"""(B, 3): MIDI note number, MIDI velocity, and seconds from note-on to note-off."""

NOTE = ("note", "velocity", "hold")
"""The keywords that say what a note is, in the order of ``Notes``."""
FIELDS = ("pitch", "velocity", "hold")
"""The fields of ``Note`` that they are."""

SHORTEST, LONGEST = 0.01, 60.0
"""Seconds a render may last."""
_SHORTEST_HOLD = 0.001
MIDDLE_C = 60
_WHOLE = (True, True, False)


@dataclass(frozen=True)
class Note:
    """The note of every render, or the range from which each is drawn.

    Args:
        pitch: MIDI note number, 0 to 127; 60 is middle C.
        velocity: MIDI velocity, 1 to 127.
        hold: seconds from note-on to note-off, 0.001 to the duration.
        duration: seconds of audio rendered, 0.01 to 60; one number.

    Each of the first three is a number, or a pair ``(low, high)``: of every value from low to high, both
    included, one is as likely as another. A hold that is drawn is a whole number of milliseconds.

    Raises:
        SynthgymError: one is out of range, or a pair is out of order.
    """

    pitch: int | tuple[int, int] = MIDDLE_C
    velocity: int | tuple[int, int] = 100
    hold: float | tuple[float, float] = 0.7
    duration: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "duration", number("duration", self.duration, SHORTEST, LONGEST))
        for field, name, low, high, is_whole in zip(FIELDS, NOTE, *self._limits(), _WHOLE, strict=True):
            value = getattr(self, field)
            if isinstance(value, (tuple, list)):
                if len(value) != 2:
                    raise SynthgymError(f"{name} is a number or a pair (low, high); got {quoted(value)}")
                first, last = (_checked(name, end, low, high, is_whole) for end in value)
                if first > last:
                    raise SynthgymError(
                        f"the range of {name} is from low to high; got {value!r}, try ({last:g}, {first:g})"
                    )
                value = (first, last) if first < last else first
            else:
                value = _checked(name, value, low, high, is_whole)
            object.__setattr__(self, field, value)

    def _limits(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        return (0, 1, _SHORTEST_HOLD), (127, 127, self.duration)

    @cached_property
    def range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The least and the greatest note, (3,) each."""
        pairs = [p if isinstance(p, tuple) else (p, p) for p in (self.pitch, self.velocity, self.hold)]
        ends = np.array(pairs, np.float64).T
        ends.flags.writeable = False  # it is kept: every render asks for it
        low, high = ends
        return low, high

    @cached_property
    def varies(self) -> tuple[int, ...]:
        """The columns of ``Notes`` that are drawn."""
        low, high = self.range
        return tuple(np.flatnonzero(low < high).tolist())

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return a note (3,) of the range."""
        (low, high), drawn = self.range, self.range[0].copy()
        for i in self.varies:
            drawn[i] = (
                rng.integers(int(low[i]), int(high[i]), endpoint=True)
                if _WHOLE[i]
                else np.clip(round(rng.uniform(low[i], high[i]), 3), low[i], high[i])
            )
        return drawn

    def draw_several(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Return different notes of the range, (count, 3), or a note (3,) for a count of 1.

        Args:
            rng: the generator that is drawn from.
            count: how many, no more than there are; see ``check_several``.

        Returns:
            Float64, as ``Notes``; the first is what ``draw`` would have returned.
        """
        if count == 1:
            return self.draw(rng)
        drawn: dict[bytes, NDArray[np.float64]] = {}
        while len(drawn) < count:
            note = self.draw(rng)
            drawn.setdefault(note.tobytes(), note)
        return np.stack(list(drawn.values()))

    def check_several(self, count: int) -> None:
        """Raise SynthgymError unless there are so many different notes in the range."""
        low, high = self.range
        # As many of each as ``draw`` gives: it rounds holds to milliseconds.
        units = [1 if _WHOLE[i] else 1000 for i in self.varies]
        ends = [(round(u * low[i]), round(u * high[i])) for u, i in zip(units, self.varies, strict=True)]
        there = math.prod(last - first + 1 for first, last in ends)
        if there < count:
            raise SynthgymError(
                f"notes_per_target={count} needs as many different notes, and there are {there}; "
                "give ranges, as note=(36, 84)"
            )

    def middle(self) -> Notes:
        """Return the note in the middle of the range, (1, 3); the note itself if it is fixed."""
        low, high = self.range
        middle = np.where(_WHOLE, np.floor((low + high) / 2), (low + high) / 2)
        return np.where(low < high, middle, low)[None]

    def rows(self, count: int, notes: ArrayLike | None = None, each: int = 1) -> Notes:
        """Return notes for a batch, (count, 3), or of several notes for each item, (count, each, 3).

        Args:
            count: of items.
            notes: the notes of all items, or those of one, which all play; default: the note, if it is fixed.
            each: how many notes an item has.

        Returns:
            Float64 (count, 3) or (count, each, 3), of MIDI note, MIDI velocity and seconds held.

        Raises:
            SynthgymError: notes of another shape, or that cannot be played; or none where they vary.
        """
        if notes is None:
            if self.varies:
                names = " and ".join(NOTE[i] for i in self.varies)
                wanted = "(count, 3)" if each == 1 else f"(count, {each}, 3)"
                raise SynthgymError(f"{names} vary from render to render; say the notes {wanted} to play")
            return np.repeat(self.range[0][None], count, axis=0)
        array = floats("notes", notes)
        one = (3,) if each == 1 else (each, 3)
        if array.shape not in (one, (count, *one)):
            wanted = ", ".join(map(str, (count, *one)))
            raise SynthgymError(
                f"notes are ({wanted}): MIDI note, velocity, seconds held; got shape {array.shape}"
            )
        low, high = (np.array(limit) for limit in self._limits())
        if not np.all((array >= low) & (array <= high)) or np.any(array[..., :2] % 1):
            raise SynthgymError(
                f"a note has a MIDI note of 0 to 127, a velocity of 1 to 127, and is held for "
                f"{_SHORTEST_HOLD:g} to {self.duration:g} s; got {quoted(array.tolist())}"
            )
        return np.broadcast_to(array, (count, *one))

    def scaled(self, notes: Notes) -> NDArray[np.float32]:
        """Return what varies of notes (B, 3) or (B, k, 3), clipped and scaled to [0, 1], (B, values)."""
        columns, (low, high) = list(self.varies), self.range
        low, high = low[columns], high[columns]
        scaled: NDArray[np.float32] = np.clip((notes[..., columns] - low) / (high - low), 0, 1).astype(
            np.float32
        )
        return scaled.reshape(len(notes), -1)

    @classmethod
    def of_row(cls, note: NDArray[np.float64], duration: float) -> Note:
        """Return the fixed note of a row (3,) of ``Notes``.

        Args:
            note: pitch and velocity as in MIDI, and the seconds that the key is held.
            duration: of the clip, in seconds.

        Returns:
            A note that does not vary.
        """
        pitch, velocity, hold = note.tolist()
        return cls(int(pitch), int(velocity), hold, duration)

    def lacks(self, other: Note) -> str | None:
        """Return what of another range is not in this one, as ``note 60, not note 48``, or None."""
        (low, high), (first, last) = self.range, other.range
        beyond = np.flatnonzero((first < low) | (high < last))
        return f"{self.text(beyond[0])}, not {other.text(beyond[0])}" if len(beyond) else None

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the least and the greatest of what varies, by its keyword."""
        low, high = self.range
        return {NOTE[column]: (float(low[column]), float(high[column])) for column in self.varies}

    def text(self, column: int) -> str:
        """Return what is played by name, as ``note 60`` or ``hold 0.1 to 1``."""
        low, high = (float(end[column]) for end in self.range)
        return f"{NOTE[column]} {low:g}" + (f" to {high:g}" if low < high else "")

    def __str__(self) -> str:
        return ", ".join(map(self.text, range(len(NOTE))))


def lowest_first(values: NDArray[np.float32], notes: Notes) -> NDArray[np.float32]:
    """Return what several sounds have, a row an item, in the order of their notes.

    Args:
        values: (B, k, ...), as features of patches at k notes.
        notes: that they are of, (B, k, 3).

    Returns:
        The same shape, the lowest note first; of equal ones the softest, and of these the shortest.
    """
    order = np.lexsort(np.moveaxis(notes, 2, 0)[::-1], axis=1)
    return np.take_along_axis(values, order.reshape(*order.shape, *[1] * (values.ndim - 2)), axis=1)


def _checked(name: str, value: Any, low: float, high: float, is_whole: bool) -> float:
    return whole(name, value, int(low), int(high)) if is_whole else number(name, value, low, high)
