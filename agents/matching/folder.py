"""The folder of a match: which files in it a match wrote, so that no other is overwritten or removed."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from synthgym.errors import SynthgymError
from synthgym.files import remove_strays

MATCH, TARGET, PAGE = "match.json", "target.wav", "match.html"
_LONGEST = 180
"""Bytes of the name of a recording in that of its folder."""

_FURTHER = re.compile(r"match-[1-9]\d{0,2}\.\w+")
"""Names of the files of further answers."""


def folders_of(out: Path | None, env: str, recordings: Sequence[Path]) -> list[Path]:
    """Return where the results of recordings go: each has a folder of its own.

    Where no folder was asked for, a match that was made before stays, and the next one has a number.

    Args:
        out: that was asked for, if any was.
        env: as it was asked for.
        recordings: all that are matched.

    Returns:
        A folder for each.
    """
    if len(recordings) == 1 and out is not None:
        return [out]
    folders: list[Path] = []
    for path in recordings:
        stem, name = path.stem, os.fsencode(path.stem)
        if len(name) > _LONGEST:  # a file system takes 255 bytes, and a number may follow
            stem = name[:_LONGEST].decode(errors="ignore")
        first = (out or Path("matches")) / f"{stem}-{Path(env).stem}"
        others = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
        for folder in itertools.chain([first], others):
            is_taken = out is None and (folder / MATCH).exists()
            if folder not in folders and not is_taken:
                folders.append(folder)
                break
    return folders


def answer_names(count: int) -> list[str]:
    """Return the names of the files of so many answers, without their suffixes."""
    return ["match", *(f"match-{number}" for number in range(2, count + 1))]


def files_of(count: int, suffix: str) -> list[str]:
    """Return the names of all files of a match with so many answers, whose presets have a suffix.

    Args:
        count: how many answers, 1 or more.
        suffix: with its dot, such as ".syx".

    Returns:
        Names without a folder, each once.
    """
    answers = [f"{name}{ending}" for name in answer_names(count) for ending in (".wav", suffix)]
    return list(dict.fromkeys([MATCH, TARGET, PAGE, *answers]))


def check_inputs(matched: Sequence[Sequence[Path]], folders: Sequence[Path]) -> None:
    """Raise SynthgymError if a match would overwrite a recording, or the match of one of another name.

    Args:
        matched: the recordings of each match.
        folders: in which the matches are to be written; they may be missing.

    Raises:
        SynthgymError: one would be overwritten.
    """
    places = [folder.resolve() for folder in folders]
    for path in (path for recordings in matched for path in recordings):
        name = path.resolve().name
        if path.resolve().parent in places and (name in files_of(1, ".wav") or _FURTHER.fullmatch(name)):
            raise SynthgymError(f"{path} would be overwritten by the match; choose another --out")
    for folder, recordings in zip(folders, matched, strict=True):
        before = _matched(folder)
        if before and before != sorted(path.name for path in recordings):
            raise SynthgymError(f"{folder} holds the match of {', '.join(before)}; choose another --out")


def check_folder(folder: Path, count: int, suffix: str) -> None:
    """Raise SynthgymError if a match would overwrite a file that no match wrote.

    Args:
        folder: of the match.
        count: the most answers that it may have.
        suffix: of its presets.
    """
    own = _written(folder)
    for name in files_of(count, suffix):
        if name not in own and (folder / name).exists():
            raise SynthgymError(f"{folder / name} is there already, of no match; choose another --out")


def begin_folder(folder: Path) -> None:
    """Make the folder of a match, without what another was writing there when it was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_strays(folder)


def forget_answers(folder: Path) -> None:
    """Remove the further answers of the match that is in a folder, as far as its JSON names them."""
    for name in _written(folder):
        if _FURTHER.fullmatch(name):
            (folder / name).unlink(missing_ok=True)


def check_banks(banks: Iterable[Path]) -> None:
    """Raise SynthgymError if a bank would overwrite a file that no match in a folder beside it wrote."""
    for bank in banks:
        if bank.exists() and not any(bank.name in _banks(beside) for beside in bank.parent.iterdir()):
            raise SynthgymError(f"{bank} is there already, of no match; choose another --out")


def made_by(preset: Path) -> dict[str, Any]:
    """Return what the match.json beside a preset says of the match that wrote it; nothing if none did."""
    if preset.name not in _written(preset.parent):
        return {}
    match: dict[str, Any] = _read(preset.parent)
    return match


def _read(folder: Path) -> Any:
    return json.loads((folder / MATCH).read_text(encoding="utf-8"))


def _banks(folder: Path) -> list[str]:
    """Return the names of the banks, beside its folder, that a match says it went into."""
    try:
        return list(map(str, _read(folder)["banks"]))
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _matched(folder: Path) -> list[str]:
    """Return the sorted names of the recordings of the match in a folder; none if it is not known."""
    try:
        target = _read(folder)["target"]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    names = target if isinstance(target, list) else [target]
    return sorted(Path(name).name for name in names if isinstance(name, str))


def _written(folder: Path) -> set[str]:
    """Return the names of the files that the match in a folder wrote; none if there is no match.

    What a JSON file says is not to be trusted: names that lead out of the folder are passed over.
    """
    try:
        match = _read(folder)
        answers = [str(answer["preset"]) for answer in match["answers"]]
        # Matches that were written before had no list of their files.
        presets = [name for preset in answers for name in (preset, str(Path(preset).with_suffix(".wav")))]
        names = [MATCH, TARGET, PAGE, *map(str, match.get("files", presets))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return set()
    return {name for name in names if name == Path(name).name and name not in ("", ".", "..")}
