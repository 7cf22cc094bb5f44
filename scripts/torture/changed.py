"""Folders in which a file is changed, and commands that are called on them in this process."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from .files import Change
from .mutation import mutated_bytes, mutated_json, pick


def changed_file(
    rng: np.random.Generator, good: Path, bad: Path, names: list[Path], changes: Mapping[str, Change] = {}
) -> None:
    """Make a copy of a folder in which a file is changed, cut, empty, lost, doubled, or another's.

    Args:
        rng: decides.
        good: the folder.
        bad: the copy, made anew.
        names: the files of which one is chosen.
        changes: how files of a suffix are changed, if not as JSON, lines of it, or bytes.
    """
    change = {".json": mutated_json, ".jsonl": _changed_lines, **changes}
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    name, other = pick(rng, names), pick(rng, names)
    data = (good / name).read_bytes()
    match int(rng.integers(8)):
        case 0:
            (bad / name).unlink()
        case 1:
            shutil.copy(good / other, bad / name)
        case 2:
            (bad / name).write_bytes(b"")
        case 3:
            (bad / name).unlink()
            (bad / name).mkdir()
        case _:
            (bad / name).write_bytes(change.get(name.suffix, mutated_bytes)(rng, data))


def _changed_lines(rng: np.random.Generator, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    match int(rng.integers(4)):
        case 0:
            lines.insert(at, lines[at])
        case 1:
            del lines[at]
        case _:
            lines[at] = mutated_json(rng, lines[at]).strip() + b"\n"
    return b"".join(lines)


def files_of(folder: Path, first: str) -> list[Path]:
    """Return the files in a folder, the one that says what it is as often as all others.

    Args:
        folder: of a run, a data set or an evaluation.
        first: the name of the one that says what it is.

    Returns:
        Paths within the folder.
    """
    found = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    others = sorted(name for name in found if name.name != first)
    return [Path(first)] * len(others) + others


def called(main: Callable[[], int], *words: str) -> int:
    """Return the exit code of a command that is called in this process; SynthgymError as it raises it.

    Args:
        main: of the command.
        *words: its name and its arguments.

    Returns:
        Its exit code.
    """
    sys.argv = list(words)
    with redirect_stdout(io.StringIO()):
        return main()
