"""Long work that is asked to stop: Ctrl-C, SIGTERM, or the end of its terminal."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


class Stopped(Exception):
    """Ends a training between two steps."""


class Signals:
    """Catches the signals while its body runs.

    Args:
        patient: whether a second signal, too, only acts when the body has ended; by default it acts at once.

    A signal that the process was started to ignore, as shells do in the background, stays ignored.

    Attributes:
        caught: the first signal, or None.
        stopped: whether Stopped ended the body.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self.caught: signal.Signals | None = None
        self.stopped = False

    def __enter__(self) -> Self:
        self._usual: dict[signal.Signals, Any] = {
            s: signal.signal(s, self._catch)
            for s in STOPPING
            if signal.getsignal(s) not in (signal.SIG_IGN, None)  # None: not set from Python
        }
        return self

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self.caught = self.caught or signal.Signals(number)
        if not self._patient:
            self._restore()

    def _restore(self) -> None:
        for s, handler in self._usual.items():
            signal.signal(s, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._restore()
        self.stopped = kind is Stopped
        return self.stopped

    def stop(self) -> None:
        """Do as if SIGINT came; from any thread."""
        self.caught = self.caught or signal.SIGINT

    def check(self) -> None:
        """Raise Stopped, which the body need not catch, if a signal came."""
        if self.caught is not None:
            raise Stopped
