"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgym.errors import SynthgymError

_IN_THE_WAY = errno.EEXIST, errno.EISDIR, errno.ENOTDIR
"""What is there is a file where a folder is wanted, or a folder where a file is."""
_STRAY = re.compile(r"\..*-[0-9a-f]{16}(\.\w+)?")


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to; rename it to ``path`` if all went well.

    The temporary name keeps the suffix, since writers choose a format by it. Folders that are
    missing are made. If the body raises, ``path`` is as it was and the temporary file is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    try:  # it begins before the file is there: Ctrl-C may come as soon as it is
        # The kernel applies the umask, so that a result is as readable as any other file of the user's.
        temporary.touch(mode=0o666, exist_ok=False)
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def contents(path: Path) -> bytes:
    """Return what is in a file; OSError as ``open``, and for what is no file: a pipe might never end.

    Args:
        path: of the file.

    Returns:
        All its bytes.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return path.read_bytes()


def remove_strays(folder: Path) -> None:
    """Remove what ``replaced`` was writing to a folder when its process was killed.

    Args:
        folder: that no other process writes to; those within it are left alone.
    """
    for path in folder.glob(".*"):
        if _STRAY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """Return in one line why a file could not be read or written; not every OSError has a ``strerror``."""
    return " ".join((error.strerror or str(error)).split()) or type(error).__name__


def unwritable(path: Path, error: OSError) -> SynthgymError:
    """Return the error of a folder in which long work is kept as it is done.

    Args:
        path: the folder.
        error: what was raised when it was written to.

    Returns:
        The error to raise, which says how to go on.
    """
    if error.errno in _IN_THE_WAY:
        what = error.filename if isinstance(error.filename, str) else path
        return SynthgymError(
            f"cannot write to {path}: {reason(error)}; remove {shown(str(what))}, or choose another folder"
        )
    return SynthgymError(
        f"cannot write to {path}: {reason(error)}; what was written is kept: "
        "make room, or choose another folder, and give the same command again"
    )


def files_in(folder: Path, *, below: bool) -> tuple[list[Path], list[Path]]:
    """Return the files in a folder, in the order of their names, and the folders that cannot be read.

    Hidden ones are left out: macOS's notes on others (``._NAME``), and what programs keep for themselves. So
    is what is no file, as a pipe, on which a reader would wait.

    Args:
        folder: itself may be hidden.
        below: whether those in the folders within it are meant, too.

    Returns:
        The files, and the folders that cannot be read.
    """
    unreadable: list[Path] = []
    found: list[Path] = []

    def leave_out(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=leave_out):
        folders[:] = [name for name in folders if below and not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(filter(_may_be_file, found)), sorted(unreadable)


def _may_be_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:  # who reads it says so
        return True
    except OSError:
        return False


def as_utf8(path: str | os.PathLike[str], reader: str) -> str:
    """Return a path as libraries take it that know UTF-8 alone, whatever the locale.

    Args:
        path: of a file.
        reader: what wants it so, for the message.

    Returns:
        The path as text.

    Raises:
        SynthgymError: its bytes are not UTF-8; the message says that the reader wants it.
    """
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError as error:
        name = shown(os.fspath(path))
        raise SynthgymError(f"the path {name} is not in UTF-8, as {reader} wants it; rename it") from error


def shown(name: str) -> str:
    """Return the name of a file as text that can be written: what is not UTF-8 in it as ``\\udcXX``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def as_given(text: str) -> str:
    """Return the name of a file that ``shown`` was given, from what it returned."""
    return re.sub(r"\\ud([89a-f][0-9a-f]{2})", lambda found: chr(0xD000 + int(found[1], 16)), text)
