"""DawDreamer engines, in this process or in a helper process of their own.

JUCE, under DawDreamer, belongs to the thread that first makes an engine: made or ended in another, an
engine hangs. So engines live in this process only if they are made by its main thread, and in a
helper otherwise.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any, Literal, Protocol, get_args

from synthgym.checks import one_of
from synthgym.errors import SynthError
from synthgym.hosting.engines import ENGINES
from synthgym.hosting.helper import addresses_can_be_fixed
from synthgym.hosting.process import HELPERS
from synthgym.hosting.remote import PATIENCE, Patience, RemoteEngine

__all__ = [
    "HELPERS",
    "SAFEST",
    "Engine",
    "Isolation",
    "LocalEngine",
    "Patience",
    "addresses_can_be_fixed",
    "open_engine",
    "place_of",
]

Isolation = Literal["fork", "process", "none"]
SAFEST: Isolation = "fork" if sys.platform == "linux" else "process" if HELPERS else "none"
"""Where a plugin lives by default; only Linux lets audio programs fork."""


def place_of(isolation: Isolation | None) -> Isolation:
    """Return where a plugin lives, by default where it is safest; SynthError if this system lacks that."""
    if isolation is None:
        return SAFEST
    one_of("isolation", isolation, get_args(Isolation))
    if isolation != "none" and not HELPERS:
        raise SynthError(f"isolation={isolation!r} needs helper processes, which this system has not")
    return isolation


class Engine(Protocol):
    """Renders encoded rows and answers other calls, wherever it lives."""

    def render(self, code: Any) -> Any:
        """Return mono audio (samples,) float32."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Call another method of the engine."""

    def close(self) -> None:
        """Let the engine go."""


class LocalEngine:
    """An engine in this process.

    Args:
        kind: of engine, a key of ``ENGINES``.
        options: its keywords.
        name: of what it is for, in messages.

    Raises:
        SynthError: it cannot be made.
    """

    _juce_thread: int | None = None
    _ended_elsewhere: list[Any] = []  # noqa: RUF012, shared on purpose

    def __init__(self, kind: str, options: Mapping[str, Any], name: str) -> None:
        LocalEngine._juce_thread = threading.get_ident()
        LocalEngine._ended_elsewhere.clear()
        try:
            self._engine = ENGINES[kind](**options)
        except RuntimeError as error:
            raise SynthError(f"{name}: {' '.join(str(error).split())}") from error
        self.render = self._engine.render

    @classmethod
    def possible(cls) -> bool:
        """Whether this thread may make engines."""
        if cls._juce_thread is None:
            return threading.current_thread() is threading.main_thread()
        return threading.get_ident() == cls._juce_thread

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the engine."""
        try:
            return getattr(self._engine, method)(*arguments)
        except RuntimeError as error:
            raise SynthError(" ".join(str(error).split())) from error

    def close(self) -> None:
        """Let the engine go: here and now, or when JUCE's thread makes its next one."""
        engine = self.__dict__.pop("_engine", None)
        self.__dict__.pop("render", None)
        if engine is not None and not self.possible():
            self._ended_elsewhere.append(engine)

    def __del__(self) -> None:
        self.close()


def open_engine(
    kind: str, options: Mapping[str, Any], isolation: Isolation, name: str, patience: Patience = PATIENCE
) -> Engine:
    """Make an engine.

    Args:
        kind: ``faust`` or ``plugin``.
        options: of the engine.
        isolation: ``fork`` (a helper process forks each render), ``process`` (a helper process), or
            ``none`` (this process if its main thread asks, otherwise as ``process``). Without helper
            processes, as on Windows, all are ``none``.
        name: what messages call it.
        patience: how long it may take in a helper process.

    Returns:
        The engine, which lives in this process or in a helper; close it in the end.

    Raises:
        SynthError: it cannot be made, or no helper process can be started.
        PluginCrashed: making it crashes twice, or hangs.
    """
    if (isolation == "none" or not HELPERS) and LocalEngine.possible():
        return LocalEngine(kind, options, name)
    engine, fork = f"engines:{ENGINES[kind].__name__}", isolation == "fork"
    return RemoteEngine(engine, options, name=name, fork=fork, patience=patience)
