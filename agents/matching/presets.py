"""Presets rendered to sound files, and those of many matches written as banks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SoundError, SynthgymError
from synthgym.making import make_task
from synthgym.notes import NOTE
from synthgym.parameters import Native
from synthgym.recordings import write_wav
from synthgym.synths import Synth

from .folder import made_by
from .learned import check_one_note

_PLAYED = ("note", "velocity", "hold", "duration", "sample_rate")
SEVERAL = "notes_per_target"
_INSTRUMENTS = ("plugin", "dsp")
"""Keywords that say which instrument an id plays; the others are of that instrument."""


@dataclass(frozen=True)
class Found:
    """What was found for a recording.

    Attributes:
        name: of the recording.
        native: parameters (all of the synth's,).
    """

    name: str
    native: Native


def rendered_by(
    preset: Path, asked: tuple[str, Mapping[str, Any]] | None, keywords: Mapping[str, Any], usual: str
) -> tuple[str, dict[str, Any]]:
    """Return the environment id and keywords that render a preset: as it was matched, where nothing is asked.

    Args:
        preset: if a match.json beside it says that a match wrote it, that says by which environment. For
            another id or instrument than its own, it says the note alone.
        asked: environment id and keywords that were asked for.
        keywords: that were asked for besides.
        usual: id of the environment if nothing says another.

    Returns:
        Environment id and keywords; what is asked for goes before what the match says.
    """
    match = made_by(preset)
    env_id, env_kwargs = match.get("env"), match.get("env_kwargs")
    if not (isinstance(env_id, str) and isinstance(env_kwargs, dict)):
        env_id, env_kwargs = usual, {}
    asked_id, wanted = (env_id, dict(keywords)) if asked is None else (asked[0], {**asked[1], **keywords})
    if SEVERAL in env_kwargs:
        env_kwargs = _one_note(env_kwargs)
    given = [
        (env_kwargs[name], wanted[name]) for name in _INSTRUMENTS if name in env_kwargs and name in wanted
    ]
    if asked_id != env_id or any(os.path.realpath(str(a)) != os.path.realpath(str(b)) for a, b in given):
        env_kwargs = {name: value for name, value in env_kwargs.items() if name in _PLAYED}
    return asked_id, {**env_kwargs, **wanted}


def _one_note(env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords of a match of several notes as those of one, the highest."""
    ends = {name: value[-1] if isinstance(value, list) else value for name, value in env_kwargs.items()}
    return {
        name: ends[name] if name in NOTE else value for name, value in env_kwargs.items() if name != SEVERAL
    }


def render_to_wav(
    preset: Path, out: Path, env_id: str, env_kwargs: Mapping[str, Any]
) -> tuple[list[Path], dict[str, Any]]:
    """Render a preset to a WAV at the synth's own level, those of a bank to one each (x-1.wav).

    Args:
        preset: the file.
        out: the WAV; of a bank, what their names are made of.
        env_id: of the environment whose synth renders.
        env_kwargs: its keywords; its note is one.

    Returns:
        The paths of the WAVs, and what is played: note, velocity and hold by name.

    Raises:
        PresetError: it is missing, or none of the synth.
        SynthgymError: a file cannot be written.
    """
    if out.suffix.lower() != ".wav":
        raise SoundError(f"a preset is rendered to a .wav; got --out {out}")
    with closing(make_task(env_id, env_kwargs)) as task:
        check_one_note(task)
        synth, note = task.synth, task.note
        natives = synth.load_presets(preset)
        paths = [out]
        if len(natives) > 1:
            paths = [out.with_stem(f"{out.stem}-{number}") for number in range(1, len(natives) + 1)]
        sounds = task.render_native(np.stack(natives)).audio
        assert sounds is not None
        try:
            for path, sound in zip(paths, sounds, strict=True):
                write_wav(path, sound, synth.sample_rate)
        except OSError as error:
            raise SynthgymError(f"cannot write {out}: {error.strerror}; choose another --out") from error
    return paths, dict(zip(NOTE, (note.pitch, note.velocity, note.hold), strict=True))


def write_banks(folder: Path, synth: Synth, found: Sequence[Found], total: int) -> list[Path]:
    """Write the parameters of matches, of a total that is to come, as banks, if the synth has any.

    Args:
        folder: where they are written.
        synth: of the matches.
        found: the matches that are there, in their order.
        total: how many there will be, which decides the names.

    Returns:
        The paths of the banks that were written.
    """
    size, written = synth.bank_size, []
    for bank, at in zip(bank_paths(folder, synth, total), range(0, len(found), size or 1), strict=False):
        part = found[at : at + size]
        synth.save_bank(np.stack([one.native for one in part]), [one.name for one in part], bank)
        written.append(bank)
    return written


def bank_paths(folder: Path, synth: Synth, total: int) -> list[Path]:
    """Return the paths of the banks of so many matches; none if the synth has no banks, or for one match.

    Args:
        folder: where they are.
        synth: of the matches.
        total: how many matches there are.

    Returns:
        Paths in the order of the matches.
    """
    size = synth.bank_size
    if not size or total < 2:
        return []
    numbers = [f"-{1 + at // size}" for at in range(0, total, size)] if total > size else [""]
    return [folder / f"bank{number}{synth.preset_suffix}" for number in numbers]
