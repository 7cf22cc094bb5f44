"""What synths that DawDreamer hosts share: an engine that is made when it is needed."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from synthgym.hosting import Engine
from synthgym.synths.base import Synth


class HostedSynth(Synth):
    """A synth whose engine lives in this process or in a helper, and never travels with a copy."""

    engine_package = "dawdreamer"
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

    def open(self) -> None:
        """Make the engine, if there is none yet."""
        self.engine  # noqa: B018

    def close(self) -> None:
        """Let the engine go; it is made again when it is needed."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}
