"""Several recordings of one instrument, for which one voice is sought."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SoundError, SynthgymError
from synthgym.features import distance
from synthgym.notes import FIELDS, NOTE, Note, Notes
from synthgym.synths import Audio
from synthgym.task import MOST_NOTES

from ..evaluation.levels import VELOCITY, by_loudness, velocity_of
from ..trials.answers import Answer
from ..trials.trial import Trial
from .recording import Recording

NAMED = 3
"""So many of the recordings are in the name of a match."""
SOFT = 40.0
"""Decibels below the loudest: more is hardly a softer touch."""
FAR, FARTHER = 0.15, 1.5
"""A recording is far from the others if its distance is beyond the median of theirs by the first, and by so
many times."""


@dataclass(frozen=True)
class Together:
    """Recordings of one instrument, each of another note or another velocity.

    Their levels stay as they are to each other: the loudest is levelled as a single recording is.

    Args:
        recordings: 2 to 16 of them.
        notes: MIDI notes that were given, one each; empty to hear them.
        velocities: MIDI velocities that were given; empty to take them as usual.

    Raises:
        SynthgymError: too few or too many recordings, or not as many notes or velocities.
    """

    recordings: Sequence[Recording]
    notes: Sequence[int] = ()
    velocities: Sequence[int] = ()

    def __post_init__(self) -> None:
        check_count(len(self.recordings), self.notes, self.velocities)

    @property
    def path(self) -> Path:
        """What results are named by: the first three of the files, and how many there are besides."""
        first, more = self.recordings[0].path, len(self.recordings) - NAMED
        names = [one.path.stem for one in self.recordings[:NAMED]] + ([f"{more} more"] if more > 0 else [])
        return first.with_name("+".join(names) + first.suffix)

    @cached_property
    def _pitches(self) -> tuple[list[int], list[str]]:
        """The notes, and remarks on those that were heard."""
        if self.notes:
            return list(self.notes), []
        pitches, remarks = [], []
        for recording in self.recordings:
            if recording.note is None:
                raise SoundError(
                    f"{recording.path}: no pitch found; leave it out, or say the notes of all by --note"
                )
            heard, said = recording.env_kwargs({}, None)
            pitches.append(heard["note"])
            remarks.append(f"{recording.path.name}: {said[0]}")
        return pitches, remarks

    def _loudness(self, duration: float) -> list[float]:
        """Return the peaks of as many seconds of the recordings as are matched, as in their files."""
        parts = [one.audio[: math.ceil(duration * one.sample_rate)] for one in self.recordings]
        return [float(np.abs(part).max()) for part in parts]

    def _soft(self, duration: float) -> list[str]:
        """Return a remark for each recording that is far softer than the loudest."""
        loudness = self._loudness(duration)
        below = [20 * math.log10(max(loudness) / peak) for peak in loudness]
        return [
            f"{one.path.name}: {decibels:.0f} dB softer than the loudest, which is kept; level it if it was "
            "played as loud"
            for one, decibels in zip(self.recordings, below, strict=True)
            if decibels > SOFT
        ]

    def _speeds(self, pitches: Sequence[int], duration: float) -> tuple[list[int], list[str]]:
        """Return the velocities, and remarks on those told by level, the square of the velocity."""
        if self.velocities:
            return list(self.velocities), []
        found, remarks, loudness = [], [], self._loudness(duration)
        for recording, pitch, peak in zip(self.recordings, pitches, loudness, strict=True):
            same = [other for other, p in zip(loudness, pitches, strict=True) if p == pitch]
            found.append(velocity_of(peak, same))
            if found[-1] < VELOCITY:
                remarks.append(
                    f"{recording.path.name}: velocity {found[-1]}, by its level beside the other of its note"
                )
        return found, remarks

    def env_kwargs(self, asked: Mapping[str, Any], note: int | None) -> tuple[dict[str, Any], list[str]]:
        """Return the keywords of an environment that plays all of them, and remarks about the recordings.

        Args:
            asked: keywords of the environment that were asked for; they are kept.
            note: not read: ``notes`` are given.

        Returns:
            ``note``, ``velocity`` and ``hold``, numbers or ranges, ``duration`` and ``notes_per_target``; and
            the remarks, a line each.

        Raises:
            SynthgymError: a note cannot be heard, two recordings are of one note and velocity, or a keyword
                cannot be used.
        """
        if given := [name for name in (*NOTE, "notes_per_target") if name in asked]:
            raise SynthgymError(
                f"{given[0]} is each recording's own; leave it out of --env-kwargs"
                + (f", and say --{given[0]}" if given[0] in ("note", "velocity") else "")
            )
        played, remarks = self._played(asked)
        remarks += self._soft(self._duration(asked))
        keywords: dict[str, Any] = {
            "duration": self._duration(asked),
            "notes_per_target": len(played),
            **asked,
        }
        for name, values in zip(NOTE, played.T, strict=True):
            low, high = map(_plain, (float(values.min()), float(values.max())))
            keywords[name] = [low, high] if low < high else low
        return keywords, remarks

    def played(self, env_kwargs: Mapping[str, Any]) -> Notes:
        """Return what each is played at, (k, 3), in an environment with such keywords.

        Args:
            env_kwargs: of which the duration counts.

        Returns:
            Float64: MIDI note, MIDI velocity, seconds held.
        """
        return self._played({"duration": env_kwargs["duration"]})[0]

    def _duration(self, asked: Mapping[str, Any]) -> float:
        """Return the length of the longest recording, which all are compared in, or what was asked for."""
        return max(
            float(one.env_kwargs({**asked, "note": 0}, None)[0]["duration"]) for one in self.recordings
        )

    def _played(self, asked: Mapping[str, Any]) -> tuple[Notes, list[str]]:
        pitches, remarks = self._pitches
        duration = self._duration(asked)
        speeds, more = self._speeds(pitches, duration)
        known, rows = {"duration": duration, "note": 0}, []
        for recording, pitch, speed in zip(self.recordings, pitches, speeds, strict=True):
            keywords, said = recording.env_kwargs(known, None)
            note = Note(**dict(zip(FIELDS, (pitch, speed, keywords["hold"]), strict=True)), duration=duration)
            rows.append(note.middle()[0])
            more += [f"{recording.path.name}: {remark}" for remark in said]
        notes = np.stack(rows)
        for i, one in enumerate(notes):
            for j in range(i):
                if np.array_equal(one[:2], notes[j, :2]):
                    raise SynthgymError(
                        f"{self.recordings[j].path} and {self.recordings[i].path} are both of note "
                        f"{one[0]:g} at velocity {one[1]:g}; leave one out, or say another note or velocity"
                    )
        return notes, [*remarks, *more]

    def target(self, sample_rate: int, samples: int) -> Audio:
        """Return them as target clips (k, samples).

        Args:
            sample_rate: of the clips, in Hz.
            samples: the length of each.

        Returns:
            Float32; the loudest peaks at -18 dBFS, and the others are as much softer as in their files.
        """
        loudness = self._loudness(samples / sample_rate)
        return by_loudness([one.target(sample_rate, samples) for one in self.recordings], loudness)

    def found(self, trial: Trial, answer: Answer) -> list[dict[str, Any]]:
        """Return, for each recording, its file, what it is played at, and how far the answer is from it.

        Args:
            trial: whose target these recordings are.
            answer: that was found.

        Returns:
            Plain values by name.
        """
        far = distance(answer.feature, trial.target.features[0][0])
        rows = zip(self.recordings, trial.notes[0].tolist(), far.tolist(), strict=True)
        return [
            {
                "recording": str(one.path),
                "note": int(pitch),
                "velocity": int(velocity),
                "hold": hold,
                "distance": far,
            }
            for one, (pitch, velocity, hold), far in rows
        ]


def check_count(count: int, notes: Sequence[int], velocities: Sequence[int]) -> None:
    """Raise SynthgymError unless so many recordings can be matched together, at what was given.

    Args:
        count: of the recordings.
        notes: MIDI notes that were given; empty to hear them.
        velocities: MIDI velocities that were given; empty to take them as usual.
    """
    if not 2 <= count <= MOST_NOTES:
        raise SynthgymError(
            f"--together takes 2 to {MOST_NOTES} recordings of an instrument, and there are {count}; "
            + ("give more" if count < 2 else f"leave {count - MOST_NOTES} out")
        )
    for name, values in (("note", notes), ("velocity", velocities)):
        if values and len(values) != count:
            raise SynthgymError(
                f"--{name} says {len(values)} for {count} recordings; give one for each, with commas between"
            )


def outliers(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each recording that is far from the voice that suits the others.

    Args:
        found: what ``Together.found`` returned.

    Returns:
        The lines.
    """
    lines = []
    for i, one in enumerate(found):
        others = float(np.median([other["distance"] for j, other in enumerate(found) if j != i]))
        if one["distance"] > max(others + FAR, others * FARTHER):
            lines.append(
                f"{one['recording']} is at {one['distance']:.3f} and the others at {others:.3f}: if it is of "
                "another instrument or note, leave it out, or say its note"
            )
    return lines


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value
