"""How a file that is no model of an agent is refused: one line with the cause."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from synthgym.errors import SynthgymError

FOLDER = "checkpoints"
"""The folder in that of a run which holds the models saved on the way."""
_MOST = 50
"""So many times as large as its file is a model, at most, when it is unpacked: weights are hardly packed."""
_LEAST = 1 << 29
"""Bytes that may be unpacked of any file."""


def no_model(agent: str, path: Path, cause: object) -> SynthgymError:
    """Return the error of a file that holds no model of an agent.

    Args:
        agent: the name of the agent.
        path: of the file.
        cause: what is wrong; 300 letters of it are kept, on one line.

    Returns:
        The error to raise.
    """
    said = " ".join(str(cause).split())[:300]
    of_run = path.parent.name == FOLDER
    remedy = "remove it to go on from the one before it" if of_run else "train one with synthgym train"
    return SynthgymError(f"{path} is no saved {agent} model: {said}; {remedy}")


def check_is_zip(agent: str, path: Path) -> None:
    """Raise SynthgymError, naming the cause, unless a path is that of a zip file.

    Args:
        agent: the name of the agent, for the message.
        path: of the file.

    Raises:
        SynthgymError: it is missing, no regular file, cannot be read, or is no zip file.
    """
    if path.is_dir():
        raise no_model(agent, path, "it is a folder, where the file final_model.zip of a run is wanted")
    if path.is_symlink() and not path.exists():
        raise no_model(agent, path, "it is a link to nothing")
    if not path.exists():
        raise SynthgymError(f"no such model: {path}; train one with synthgym train")
    if not path.is_file():
        raise no_model(agent, path, "it is no regular file")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise no_model(agent, path, f"it cannot be read ({error.strerror})") from error
    if not zipfile.is_zipfile(path):
        raise no_model(agent, path, "it is no zip file, or it was cut off")
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise no_model(agent, path, f"it is damaged ({error})") from error
    if unpacked > max(_LEAST, _MOST * path.stat().st_size):
        raise no_model(agent, path, f"it would unpack to {unpacked / 1e9:.1f} GB")


def made(agent: str, path: Path) -> AbstractContextManager[None]:
    """Refuse a file of which, in the body, no model can be made.

    Args:
        agent: the name of the agent.
        path: of the file.

    Returns:
        A context manager; SynthgymError for whatever the body raises, as PyTorch says in many ways what it
        cannot make.
    """
    return _refusing(agent, path, "another version of the package made it")


def going_on(agent: str, path: Path) -> AbstractContextManager[None]:
    """Refuse a checkpoint whose training, in the body, cannot be gone on with.

    Args:
        agent: the name of the agent.
        path: of the checkpoint.

    Returns:
        A context manager; SynthgymError for whatever optimizers say of what is none of their state.
    """
    return _refusing(agent, path, "the state of its training is damaged", SynthgymError)


@contextmanager
def _refusing(agent: str, path: Path, cause: str, passed: type[Exception] = MemoryError) -> Iterator[None]:
    try:
        yield
    except (MemoryError, passed):  # the first is of this machine, not of the file
        raise
    except Exception as error:
        raise no_model(agent, path, f"{cause} ({type(error).__name__}: {error})") from error
