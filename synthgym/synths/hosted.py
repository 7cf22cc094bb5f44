"""An engine that is made when it is needed, and the synths that have one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from synthgym.hosting import HELPERS, Engine
from synthgym.synths.base import Synth


class OwnsEngine(ABC):
    """Has an engine, in this process or in a helper, that never travels with a copy."""

    _engine: Engine | None = None

    @abstractmethod
    def _make_engine(self) -> Engine:
        """Return a new engine."""

    @property
    def engine(self) -> Engine:
        """The engine."""
        if self._engine is None:
            self._engine = self._make_engine()
        return self._engine

    def close(self) -> None:
        """Let the engine go; it is made again when it is needed."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}


class HostedSynth(OwnsEngine, Synth):
    """A synth with an engine of its own, of DawDreamer unless it says another."""

    engine_package = "dawdreamer"
    # An engine belongs to one thread of a process; in the others it lives in a helper.
    rendering = "threads" if HELPERS else "processes"

    def open(self) -> None:
        """Make the engine, if there is none yet."""
        self.engine  # noqa: B018
