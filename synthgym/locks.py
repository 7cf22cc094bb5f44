"""Folders that one process at a time writes to."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from synthgym.errors import SynthgymError
from synthgym.files import unwritable

LOCK = ".lock"
"""A file that its holder locks and leaves behind. It means nothing unless a process has it locked."""


def take(lock: FileLock, busy: str, seconds: float = 0) -> None:
    """Acquire the lock of a folder, which is made if it is missing.

    Args:
        lock: of a file in the folder.
        busy: what is told if another process has it, with a remedy.
        seconds: how long to wait for that process.

    Raises:
        SynthgymError: another process has it, or the folder cannot be written.
    """
    folder = Path(lock.lock_file).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise SynthgymError(busy) from error
    except OSError as error:
        raise unwritable(folder, error) from error
