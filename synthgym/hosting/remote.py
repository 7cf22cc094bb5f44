"""An engine, or another object, in a helper process: what it does to its process stays there."""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any

from synthgym.errors import (
    ParameterError,
    PluginCrashed,
    PresetError,
    SoundError,
    SynthError,
    SynthgymError,
)
from synthgym.hosting.worker import HEADER

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 20.0
"""Seconds after which a call of a plugin is taken to hang."""
_MEMORY = 1 << 30  # bytes for a result; pages that are never written cost nothing

_OURS = {
    e.__name__: e for e in (ParameterError, PluginCrashed, PresetError, SoundError, SynthError, SynthgymError)
}


class RemoteEngine:
    """Calls the methods of an engine in a helper process.

    A call whose process dies or hangs is made once more, in a new helper if need be; a second
    failure raises PluginCrashed, and later calls go on as if nothing had happened.

    Args:
        kind: of the engine, as ``module:class``.
        options: what it is made with.
        name: what messages call the engine.
        fork: whether each call runs in a child forked from the helper as it was after loading.
        patient: whether a call may take any time, and never hangs.

    Raises:
        SynthError: the engine cannot be made.
        PluginCrashed: making it kills or hangs the helper, twice.
    """

    def __init__(
        self,
        kind: str,
        options: Mapping[str, Any],
        *,
        name: str,
        fork: bool = False,
        patient: bool = False,
    ) -> None:
        self._name = name
        self._start = partial(_Worker, kind, options, fork, patient, name)
        self._lock = threading.Lock()
        self._aborted = False
        self._worker: _Worker | None = None
        self._twice(lambda worker: None, "loading it")

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method of the engine returns.

        Raises:
            SynthgymError: the method raised; SynthError if it raised anything else.
            PluginCrashed: the process died or hung, twice.
        """
        return self._twice(lambda worker: worker.call(method, arguments), method)

    def render(self, code: Any) -> Any:
        """Return the audio of one encoded row."""
        return self.call("render", code)

    def close(self) -> None:
        """End the helper process."""
        with self._lock:
            if self._worker is not None:
                self._worker.end()
                self._worker = None

    def abort(self) -> None:
        """Kill the helper process while another thread waits for its answer; there are no calls after this.

        The call raises PluginCrashed, and is not made again. ``close`` waits for it.
        """
        self._aborted = True
        helper = self._worker
        if helper is not None:
            helper.kill()

    def __del__(self) -> None:
        self.close()

    def _twice(self, action: Any, what: str) -> Any:
        with self._lock:
            for attempt in (1, 2):
                try:
                    if self._worker is None or self._worker.owner != os.getpid():
                        # A helper belongs to the process that started it; a forked child starts its own.
                        self._worker = self._start()
                    if self._aborted:  # while it was started
                        self._worker.kill()
                    return action(self._worker)
                except _Died as died:
                    if self._worker is not None and not died.helper_lives:
                        self._worker.end()
                        self._worker = None
                    if attempt == 2 or self._aborted:
                        raise PluginCrashed(f"{self._name} {died}, twice, in {what}") from None
        raise AssertionError("unreachable")


class _Died(Exception):
    """The process of a call died or hung."""

    def __init__(self, how: str, *, helper_lives: bool) -> None:
        super().__init__(how)
        self.helper_lives = helper_lives


class _Worker:
    """One helper process.

    Attributes:
        owner: the process that started it.
    """

    def __init__(self, kind: str, options: Mapping[str, Any], fork: bool, patient: bool, name: str) -> None:
        self.owner = os.getpid()
        self._patient = patient
        ours, theirs = socketpair()
        with tempfile.TemporaryFile() as shared:
            shared.truncate(_MEMORY)
            self._memory = mmap.mmap(shared.fileno(), 0)
            # Its own session, so that a hanging child is killed with it and Ctrl-C reaches us alone.
            self._process = subprocess.Popen(
                [sys.executable, WORKER, str(theirs.fileno()), str(shared.fileno())],
                pass_fds=(theirs.fileno(), shared.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # plugins chatter
                start_new_session=True,
            )
        theirs.close()
        self._calls: Connection[Any, Any] = Connection(ours.detach())
        try:
            self._calls.send((kind, [path or str(Path.cwd()) for path in sys.path], fork))
            self._calls.send(options)
            problem = self._reply()
        except OSError as error:
            self.end()
            raise _Died("died", helper_lives=False) from error
        except _Died:
            self.end()
            raise
        if problem is not None:
            self.end()
            raise SynthError(f"{name}: {problem}")

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Return what a method returns; _Died if its process is gone."""
        self._memory[:HEADER] = bytes(HEADER)
        try:
            self._calls.send((method, arguments))
        except OSError as error:
            raise _Died("died", helper_lives=False) from error
        status = self._reply()
        length = int.from_bytes(self._memory[:HEADER], "little")
        if status != 0 or length == 0:
            by = status & 127
            how = f"was killed by {signal.Signals(by).name}" if by else "ended its own process"
            raise _Died(how, helper_lives=True)
        good, result = pickle.loads(self._memory[HEADER : HEADER + length])
        if not good:
            kind, message = result
            raise _OURS[kind](message) if kind in _OURS else SynthError(f"{kind}: {message}")
        return result

    def _reply(self) -> Any:
        try:
            if not self._calls.poll(None if self._patient else PATIENCE):
                raise _Died(f"hung for {PATIENCE:g} seconds", helper_lives=False)
            return self._calls.recv()
        except (EOFError, OSError) as error:
            raise _Died("died", helper_lives=False) from error

    def kill(self) -> None:
        """Kill the helper and its children; whoever waits for it is told."""
        if self.owner == os.getpid() and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def end(self) -> None:
        """Kill the helper, and let go of what this process has of it."""
        self._calls.close()
        self.kill()
