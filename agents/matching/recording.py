"""A recording that is to be matched: which note it is, how long it lasts, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from synthgym import notes
from synthgym.checks import number
from synthgym.recordings import as_target, read_channels, without_offset
from synthgym.silence import ABOVE_NOISE, before_note
from synthgym.synths import Audio

from ..evaluation.pitch import HeardNote, hear_note
from .clipping import clipped_samples

LONGEST = 4.0
"""Seconds of a recording that are matched, unless more are asked for."""
SHORTEST = 0.5
"""Seconds of a render at least: a synth may answer late."""
HELD = 0.7
"""The share of a sound for which its key is held where no release is found, as in the environments' note."""
_RELEASED = 10 ** (-6 / 20)
"""The key of a sound that stays this far (-6 dB) below its loudest is released; in its first half, the sound
is one that fades while the key is held."""
_FRAME = 0.01
"""Seconds that its loudness is measured over."""
_ENDED = 10 ** (-60 / 20)
"""What lies this far (-60 dB) below the peak, to the end, is silence after the sound."""
_GRAIN = 0.1
"""Lengths are rounded up to this many seconds."""


@dataclass(frozen=True)
class Recording:
    """A sound file.

    Attributes:
        path: of the file.
        audio: mono, without offset and what is before the note, (n,).
        sample_rate: Hz.
        seconds: how long it lasts, without the silence or noise after it.
        clipped: how many samples of the channel that is clipped most are cut off, at full scale or below.
    """

    path: Path
    audio: Audio
    sample_rate: int
    seconds: float
    clipped: int

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file; SoundError if it is missing, no audio, empty or silent."""
        return cls.of(path, *read_channels(path))

    @classmethod
    def of(cls, path: Path, channels: Audio, rate: int) -> Recording:
        """Return the recording in a file that was read.

        Args:
            path: of the file.
            channels: what ``read_channels`` gave of it, (n, channels), or a part of that.
            rate: its sample rate in Hz.

        Returns:
            The recording.
        """
        audio = without_offset(channels.mean(axis=1), rate)
        start, noise = before_note(audio, rate)
        loud = np.abs(audio)
        end = len(audio) - int(np.argmax(loud[::-1] > max(loud.max() * _ENDED, noise * ABOVE_NOISE)))
        del loud  # a long recording is large
        clipped = max(clipped_samples(channel) for channel in channels.T)
        return cls(path, audio[start:], rate, (end - start) / rate, clipped)

    @cached_property
    def heard(self) -> HeardNote | None:
        """The note of what is matched by default, and whether it is clear; None if no pitch is found."""
        return hear_note(self.audio[: int(LONGEST * self.sample_rate)], self.sample_rate)

    @property
    def note(self) -> int | None:
        """The MIDI note of what is matched by default; None if no pitch is found."""
        return None if self.heard is None else self.heard.note

    def env_kwargs(self, asked: Mapping[str, Any], note: int | None) -> tuple[dict[str, Any], list[str]]:
        """Return the note that a synth must play to be compared with it, and remarks about the recording.

        Args:
            asked: keywords of the environment that were asked for; they are kept.
            note: that was asked for.

        Returns:
            ``note``, ``hold`` and ``duration`` for the environment, and the remarks, a line each.

        Raises:
            SynthgymError: the duration that was asked for is out of range.
        """
        remarks = []
        if note is None and "note" not in asked:
            note = notes.MIDDLE_C if self.note is None else self.note
            if self.heard is None:
                remarks.append(f"no pitch found: taken as note {_name(note)}; --note says which it is")
            elif self.heard.clear:
                remarks.append(f"note {_name(note)}, by its pitch; --note says another")
            else:
                remarks.append(
                    f"no clear pitch, as of a chord or a bell: taken as note {_name(note)}, unsure; "
                    "--note says which it is"
                )
        length = max(SHORTEST, math.ceil(self.seconds / _GRAIN - 1e-6) * _GRAIN)
        own = round(min(length, LONGEST), 1)
        duration = number("duration", asked.get("duration", own), notes.SHORTEST, notes.LONGEST)
        if self.seconds > duration:
            remarks.append(
                f"lasts {self.seconds:.1f} s: the first {duration:g} s are matched (duration=, up to 60)"
            )
        if self.clipped:
            remarks.append(f"clipped: {self.clipped} samples are cut off; matched as it is")
        # A recording that is shorter than what is compared is followed by silence: no key is held then.
        hold = round(self._released(min(duration, self.seconds)) or HELD * min(duration, own), 2)
        keywords = {"hold": hold, "duration": duration, **asked}
        return (keywords if note is None else {**keywords, "note": note}), remarks

    played = env_kwargs
    """An older name of ``env_kwargs``, which scripts of others still call."""

    def _released(self, seconds: float) -> float | None:
        """Return when the key is released in the first seconds; None if no release is found."""
        if seconds < _FRAME:
            return None
        size = max(1, int(_FRAME * self.sample_rate))
        audio = self.audio[: math.ceil(seconds * self.sample_rate)]
        frames = np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)
        loud = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
        last = _FRAME * (1 + int(np.flatnonzero(loud > loud.max() * _RELEASED)[-1]))
        return min(last, seconds) if last > seconds / 2 else None

    def target(self, sample_rate: int, samples: int) -> Audio:
        """Return it as a target clip (samples,), see ``as_target``.

        Args:
            sample_rate: of the clip, in Hz.
            samples: the length of the clip.

        Returns:
            Float32, its peak at -18 dBFS.
        """
        # Only what is needed is resampled, and a second more for the filter.
        needed = self.audio[: math.ceil((samples / sample_rate + 1) * self.sample_rate)]
        return as_target(needed, self.sample_rate, sample_rate, samples)


def transposed(target: Audio, sample_rate: int, semitones: int, samples: int) -> Audio:
    """Return a target clip (n,) as another note of another length, about: (samples,).

    Args:
        target: float32, mono.
        sample_rate: in Hz.
        semitones: up, or down below 0.
        samples: the length of the new clip.

    Returns:
        Float32, as ``as_target`` makes it.
    """
    if semitones:
        target = librosa.effects.pitch_shift(target, sr=sample_rate, n_steps=semitones)
    return as_target(target, sample_rate, sample_rate, samples)


def _name(note: int) -> str:
    return f"{note} ({librosa.midi_to_note(note, unicode=False)})"
