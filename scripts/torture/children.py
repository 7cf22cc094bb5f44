"""A function in a process of its own, which tells what it finds, piece by piece."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Self, TypeAlias

Told: TypeAlias = "Connection[Any, Any]"
"""By which a child tells what it finds: what it sends can be pickled."""


class Silent(Exception):
    """A child tells nothing more; the message says why: it hangs, died or has come to its end."""


class Child:
    """A process that calls a function with some arguments and, last, a connection to tell by.

    It is killed where the context ends.

    Args:
        work: a function of a module, called in a new process.
        *arguments: that it is called with.
    """

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        self._ours, self._theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=work, args=(*arguments, self._theirs))

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()

    def told(self, patience: float) -> Any:
        """Return what it tells next.

        Args:
            patience: seconds after which it hangs.

        Raises:
            Silent: it tells nothing.
        """
        try:
            if self._ours.poll(patience):
                return self._ours.recv()
        except (EOFError, OSError):
            self._process.join(30)  # until it is gone, its exit code is not known
            raise Silent(f"died ({self._process.exitcode})") from None
        raise Silent(f"hangs for {patience:g} s")
