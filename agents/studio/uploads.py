"""Sounds that a page sends: bounded, and read as sound only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from synthgym.checks import number
from synthgym.errors import SoundError
from synthgym.recordings import check_sound, read_channels

from ..evaluation.pitch import HeardNote
from ..matching.recording import LONGEST, Recording

MOST_BYTES = 100_000_000
MOST_SECONDS = 600.0
_MOST_SAMPLES = 100_000_000
"""Of all channels together: a small compressed file may claim many gigabytes."""
_UNKNOWN = 2**62
"""So many samples or more are libsndfile's for a length that the file does not tell."""
_PEAKS = 400
_SHORTEST, LONGEST_PART = 0.05, 20.0
"""Seconds of a part that is matched."""


@dataclass(frozen=True)
class Upload:
    """A sound that was sent.

    Attributes:
        name: that its sender gives it; shown as text, and never used as a path.
        path: of the file, in the page's folder.
        seconds: how long it lasts.
        peaks: its outline, the peaks of equal parts of it, from 0 to 1.
        begin: seconds at which its sound begins.
        end: seconds at which the part ends that is matched if no other is chosen.
        heard: the note of it; None if no pitch is found.
    """

    name: str
    path: Path
    seconds: float
    peaks: list[float]
    begin: float
    end: float
    heard: HeardNote | None

    @classmethod
    def read(cls, name: str, path: Path) -> Upload:
        """Read a file.

        Args:
            name: that messages call it by.
            path: of the file.

        Returns:
            What is known of it before it is matched.

        Raises:
            SoundError: it is no sound, silent, or too long.
        """
        _check_size(path)
        try:
            channels, rate = read_channels(path)
            _check_length(len(channels) / rate, channels.shape[1], channels.size)
        except SoundError as error:
            raise SoundError(str(error).replace(str(path), name)) from error
        recording = Recording.of(path, channels, rate)
        loud = np.abs(channels).max(axis=1)
        parts = np.array_split(loud, min(_PEAKS, len(loud)))
        peaks = np.array([part.max() for part in parts])
        begin = (len(loud) - len(recording.audio)) / rate
        end = min(begin + max(_SHORTEST, min(recording.seconds, LONGEST)), len(loud) / rate)
        shown = np.round(peaks / peaks.max(), 3).tolist()
        return cls(name, path, len(loud) / rate, shown, begin, end, recording.heard)

    def part(self, begin: float, end: float) -> Recording:
        """Return what lies between two moments as a recording.

        Args:
            begin: seconds.
            end: seconds, .05 to 20 later.

        Returns:
            The part.

        Raises:
            SynthgymError: they are no moments of it, or there is nothing to be heard between them.
        """
        begin = number("begin", begin, 0, self.seconds)
        end = number("end", end, begin, self.seconds + 0.01)
        check_part(begin, end)
        channels, rate = read_channels(self.path)
        part = channels[round(begin * rate) : round(end * rate)]
        try:
            check_sound(part.mean(axis=1))
        except SoundError as error:
            raise SoundError(f"the chosen part of {self.name}: {error}") from error
        return Recording.of(Path(self.name), part, rate)


def check_part(begin: float, end: float) -> None:
    """Raise SoundError for a part, in seconds, that is too short or too long to be matched.

    Args:
        begin: where it begins.
        end: where it ends.
    """
    if not _SHORTEST <= end - begin <= LONGEST_PART:
        raise SoundError(
            f"the part lasts {end - begin:.2f} s; choose one of {_SHORTEST:g} to {LONGEST_PART:g} s"
        )


def _check_size(path: Path) -> None:
    """Raise SoundError for a file whose header claims more than may be read into memory."""
    try:
        about = soundfile.info(path)
    except (soundfile.SoundFileError, TypeError):
        return  # what is wrong with it is said when it is read
    if about.frames >= _UNKNOWN:
        return  # no more than a bound is read
    _check_length(about.frames / max(about.samplerate, 1), about.channels, about.frames * about.channels)


def _check_length(seconds: float, channels: int, samples: int) -> None:
    if seconds > MOST_SECONDS or samples > _MOST_SAMPLES:
        raise SoundError(
            f"the sound lasts {seconds:,.0f} s in {channels} channels; "
            f"the studio takes up to {MOST_SECONDS / 60:.0f} minutes: cut out what is to be matched"
        )
