"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgym.errors import SynthgymError


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to; rename it to ``path`` if all went well.

    The temporary name keeps the suffix, since writers choose a format by it. Folders that are
    missing are made. If the body raises, ``path`` is as it was and the temporary file is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a result is as readable as any other file of the user's.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> SynthgymError:
    """Return the error of a folder in which long work is kept as it is done."""
    return SynthgymError(
        f"cannot write to {path}: {error.strerror or error}; what was written is kept: "
        "make room, or choose another folder, and give the same command again"
    )
