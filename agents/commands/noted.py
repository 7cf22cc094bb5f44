"""The notes and velocities of recordings on a command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import librosa

from synthgym.errors import SynthgymError

from ..matching.recording import Recording
from ..matching.together import Together, check_count
from ..training.models import Origin
from .cli import Options

_NAMED = re.compile(r"[a-gA-G][#b]?-?\d")


def add_notes(synth: Options) -> None:
    """Add the options that say what recordings are of.

    Args:
        synth: the parser, or a group of it.
    """
    synth.add_argument(
        "--note",
        type=pitches,
        help="MIDI note of the target, 0 to 127, or its name: C4 is 60 (default: by its pitch; of a model or "
        "data set of one note, that note); with --together one for each, as 36,60,84",
    )
    synth.add_argument(
        "--velocity",
        type=numbers,
        help="MIDI velocity, 1 to 127 (default: 100); with --together one for each (default: of several "
        "recordings of a note by their levels)",
    )
    synth.add_argument(
        "--together",
        action="store_true",
        help="the recordings are of one instrument, for which one voice is sought: 2 to 16 different notes "
        "or velocities",
    )


def numbers(text: str) -> list[int]:
    """Return whole numbers that are written with commas between."""
    return _listed(text, int, "whole numbers with commas between, as 36,60,84")


def pitches(text: str) -> list[int]:
    """Return MIDI notes that are written as numbers or names, with commas between: C4 is 60."""
    return _listed(text, _pitch, "a MIDI note or its name, as 60 or C4; with --together with commas between")


def _listed(text: str, read: Callable[[str], int], wanted: str) -> list[int]:
    try:
        return [read(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{wanted}; got {text!r:.60}") from None


def _pitch(text: str) -> int:
    named = _NAMED.fullmatch(text.strip())
    return int(librosa.note_to_midi(named[0].capitalize())) if named else int(text)


def one_note(args: argparse.Namespace) -> dict[str, int]:
    """Return the note and velocity that were asked for of every recording, by name."""
    given = {name: values for name in ("note", "velocity") if (values := getattr(args, name)) is not None}
    for name, values in given.items():
        if len(values) > 1:
            raise SynthgymError(f"--{name} takes several values only with --together; give one")
    return {name: values[0] for name, values in given.items()}


def check_of_one_note(model: Path, origin: Origin) -> None:
    """Raise SynthgymError for a model that was trained on several notes a target.

    Args:
        model: its file.
        origin: where it comes from.
    """
    if (several := origin.env_kwargs.get("notes_per_target", 1)) > 1:
        raise SynthgymError(
            f"{model} was trained on {several} notes a target; give as many recordings with --together, and "
            "the run as --agent NAME@RUN"
        )


def together(args: argparse.Namespace) -> Together:
    """Return the recordings as those of one instrument; SynthgymError if they cannot be."""
    for option in ("model", "dataset"):
        if getattr(args, option) is not None:
            raise SynthgymError(
                f"--{option} is of one note; leave it out with --together, and name a run that learned "
                "several notes a target as --agent NAME@RUN"
            )
    notes, velocities = args.note or (), args.velocity or ()
    check_count(len(args.targets), notes, velocities)  # before all are read
    return Together([*map(Recording.read, args.targets)], notes, velocities)
