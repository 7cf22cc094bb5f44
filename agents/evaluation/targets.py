"""The targets of an evaluation: held-out random patches, human presets, recordings."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.files import shown
from synthgym.notes import Notes
from synthgym.parameters import Native, Unit
from synthgym.patches import HELD_OUT, HeldOutStream, PatchStream, audible, notes_of
from synthgym.rendering import Rendered
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from .recorded import recordings

_WHAT = f"test:N (N to {HELD_OUT}), a recording or a folder"


@dataclass(frozen=True)
class Target:
    """A sound to be matched.

    Attributes:
        kind: ``random``, ``preset`` or ``recording``.
        name: of a test item, a preset or a file.
        rendered: its features and its audio, one sound; of a target of k notes k sounds, see ``Rendered``.
        played: the note that it is of, (3,): MIDI note, velocity, seconds held; or its notes (k, 3).
        unit: its unit vector (n,), if it is made by the parameters that are looked for.
    """

    kind: str
    name: str
    rendered: Rendered
    played: Notes
    unit: Unit | None = None

    @property
    def audio(self) -> NDArray[np.float32]:
        """Its sound, (1, samples), or those of its notes, (1, k, samples)."""
        assert self.rendered.audio is not None
        return self.rendered.audio


def read_targets(task: SoundMatchingTask, text: str) -> tuple[list[Target], int]:
    """Return targets, and how many were silent and are left out.

    Args:
        task: renders them and extracts their features.
        text: ``test:N``, the first N of the 1,000 held-out random patches; or a recording; or a folder, of
            recordings or of presets of the synth, each sound once; or several of these, with commas between.
            Of several notes a target, a folder of recordings is one, and so is each folder in a folder.

    Returns:
        The targets, and how many were silent.

    Raises:
        SynthgymError: no such targets.
    """
    found: list[Target] = []
    silent = 0
    # A file may have commas in its name.
    for part in [text] if os.path.exists(text) else text.split(","):  # noqa: PTH110, it may be too long
        if not part:  # which would be the folder that one is in
            raise SynthgymError(f"{text!r} leaves out a target; give {_WHAT}")
        kind, _, count = part.partition(":")
        more, left_out = (_held_out(task, part, count), 0) if kind == "test" else _in_files(task, Path(part))
        found += more
        silent += left_out
    names = [target.name for target in found]
    if len(set(names)) < len(names):
        raise SynthgymError(f"{text} has targets of the same name; give each folder once")
    return found, silent


def find_targets(task: SoundMatchingTask, text: str, names: Collection[str]) -> list[Target]:
    """Return those targets of a text, as ``read_targets`` takes it, that rows of an evaluation name.

    Args:
        task: renders them and extracts their features.
        text: as ``read_targets`` takes it.
        names: of the targets that rows name.

    Returns:
        The targets, in the order of the text.

    Raises:
        SynthgymError: one of them is gone.
    """
    found = [target for target in read_targets(task, text)[0] if target.name in names]
    gone = {*names} - {target.name for target in found}
    if gone:
        raise SynthgymError(f"{text} no longer holds the target {min(gone)!r}; put it back")
    return found


def _held_out(task: SoundMatchingTask, text: str, count: str) -> list[Target]:
    if not re.fullmatch(r"\d{1,9}", count, re.ASCII):
        raise SynthgymError(f"{text!r} names no targets; give {_WHAT}")
    ids = HeldOutStream().ids(range(whole("number of targets", int(count), 1, HELD_OUT)))
    patches = task.make_patches(ids, audio=True)
    return [
        Target("random", f"test:{i}", _row(patches.rendered, i), note, unit)
        for i, (unit, note) in enumerate(zip(patches.unit, patches.notes, strict=True))
    ]


def _row(rendered: Rendered, i: int) -> Rendered:
    assert rendered.audio is not None
    return Rendered(tuple(each[i : i + 1] for each in rendered.features), rendered.audio[i : i + 1])


class Sound(NamedTuple):
    """What a target is made of: audio (samples,), or (k, samples) of k notes; the rest as in ``Target``."""

    kind: str
    name: str
    audio: Audio
    played: Notes
    unit: Unit | None = None


def _in_files(task: SoundMatchingTask, path: Path) -> tuple[list[Target], int]:
    if not path.exists():
        raise SynthgymError(f"no such file or folder: {path}; give {_WHAT}")
    sounds = [Sound("recording", *of) for of in recordings(task, path)] or _presets(task, path)
    if not sounds:
        another = "give another" if path.is_dir() else "give another, or of presets their folder"
        raise SynthgymError(f"{path} holds no recordings and no presets of this synth; {another}")
    rendered = [
        Target(one.kind, one.name, task.extract(one.audio[None]), one.played, one.unit)
        for one in sounds
        if all(map(audible, np.atleast_2d(one.audio)))
    ]
    return rendered, len(sounds) - len(rendered)


def _presets(task: SoundMatchingTask, folder: Path) -> list[Sound]:
    """Return every preset once, as the whole synth plays it, whatever parameters are free."""
    synth, seen = task.synth, set()
    found: list[Sound] = []
    for path, rows in synth.presets_in(folder):
        for number, row in enumerate(rows):
            if row.tobytes() not in seen:
                seen.add(row.tobytes())
                name = f"{shown(str(path.relative_to(folder)))}:{number}"
                # By its values, so that it stays the same whatever presets are beside it.
                number = int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:4], "big")
                ids = PatchStream("validation", 0).ids([number])
                (note,) = notes_of(ids, task.note, task.notes_per_target)
                audio = task.render_native(np.asarray(row)[None], note).audio
                assert audio is not None
                found.append(Sound("preset", name, audio[0], note, _unit(task, row)))
    return found


def _unit(task: SoundMatchingTask, row: Native) -> Unit | None:
    """Return the unit vector of a native row, if the free parameters alone can make it."""
    unit = task.space.quantise(task.space.to_unit(row))
    return unit if np.array_equal(task.space.to_native(unit), row) else None
