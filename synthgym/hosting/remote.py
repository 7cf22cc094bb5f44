"""An engine, or another object, in a helper process: what it does to its process stays there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from synthgym.errors import (
    ParameterError,
    PluginCrashed,
    PresetError,
    SoundError,
    SynthError,
    SynthgymError,
)
from synthgym.hosting.process import Died, Helper

_OURS = {
    e.__name__: e for e in (ParameterError, PluginCrashed, PresetError, SoundError, SynthError, SynthgymError)
}


class Patience(NamedTuple):
    """How long an engine may take before it is taken to hang.

    Attributes:
        loading: seconds for making it, and for all it does but render and read presets; None for any time.
        rendering: seconds for a render, or for a preset: some plugins hang in one that is damaged; None for
            any time.
        remedy: what users are told to do about it.
    """

    loading: float | None = 120.0
    rendering: float | None = 20.0
    remedy: str = ""


PATIENCE = Patience()
ENDLESS = Patience(None, None)


class RemoteEngine:
    """Calls the methods of an engine in a helper process.

    A call whose process dies or hangs is made once more, in a new helper if need be; a second
    failure raises PluginCrashed, and later calls go on as if nothing had happened. An engine that
    hangs while it is made is not made again. A helper that has grown by half a gigabyte, as by a plugin that
    keeps memory at every note, is ended, and the next call begins another.

    Args:
        kind: of the engine, as ``module:class``.
        options: what it is made with.
        name: what messages call the engine.
        fork: whether each call runs in a child forked from the helper as it was after loading.
        patience: how long it may take.

    Raises:
        SynthError: the engine cannot be made, or no helper can be started.
        PluginCrashed: making it kills the helper, twice, or hangs.
    """

    def __init__(
        self,
        kind: str,
        options: Mapping[str, Any],
        *,
        name: str,
        fork: bool = False,
        patience: Patience = PATIENCE,
    ) -> None:
        self._name, self._patience = name, patience
        self._start = partial(Helper, kind, options, fork=fork, patience=patience.loading, name=name)
        self._lock = threading.Lock()
        self._aborted = False
        self._helper: Helper | None = None
        self._twice(lambda helper: None, "loading it")

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method of the engine returns.

        Raises:
            SynthgymError: the method raised; SynthError if it raised anything else.
            PluginCrashed: the process died or hung, twice.
        """
        patience = self._patience.rendering if method == "load" else self._patience.loading
        return self._call(method, arguments, patience)

    def render(self, code: Any) -> Any:
        """Return the audio of one encoded row; raises as ``call``."""
        return self._call("render", (code,), self._patience.rendering)

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        """In the block, take it to hang in a render after so many seconds, if not sooner."""
        patience = self._patience
        self._patience = patience._replace(rendering=min(seconds, patience.rendering or seconds))
        try:
            yield
        finally:
            self._patience = patience

    def close(self) -> None:
        """End the helper process."""
        with self._lock:
            self._end()

    def abort(self) -> None:
        """Kill the helper process while another thread waits for its answer; there are no calls after this.

        The call raises PluginCrashed, and is not made again. ``close`` waits for it.
        """
        self._aborted = True
        helper = self._helper
        if helper is not None:
            helper.kill()

    def __del__(self) -> None:
        self.close()

    def _call(self, method: str, arguments: tuple[Any, ...], patience: float | None) -> Any:
        good, result = self._twice(lambda helper: helper.call(method, arguments, patience), method)
        if good:
            return result
        kind, message = result
        message = " ".join(message.split())
        raise _OURS[kind](message) if kind in _OURS else SynthError(f"{kind}: {message}")

    def _twice(self, action: Callable[[Helper], Any], what: str) -> Any:
        with self._lock:
            for last in (False, True):
                loading = self._helper is None or self._helper.owner != os.getpid()
                try:
                    if self._helper is None or loading:
                        # A helper belongs to the process that started it; a forked child starts its own.
                        self._helper = self._start()
                        loading = False
                    if self._aborted:  # while it was started
                        self._helper.kill()
                    result = action(self._helper)
                    if self._helper.has_grown:
                        self._end()
                    return result
                except Died as died:
                    if not died.helper_lives:
                        self._end()
                    if last or self._aborted or (loading and died.hung):
                        raise PluginCrashed(
                            f"{self._name} {died.how}{self._patience.remedy if died.hung else ''}"
                            f"{', twice' if last else ''}, in {'loading it' if loading else what}"
                            f"{f'; it said {died.said!r}' if died.said else ''}"
                        ) from None
                except BaseException:
                    # Interrupted: the answer to come must not be taken for that of the next call.
                    self._end()
                    raise
        raise AssertionError("unreachable")

    def _end(self) -> None:
        if self._helper is not None:
            self._helper.end()
            self._helper = None
