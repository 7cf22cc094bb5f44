"""The caller's side of one helper process: how it is started, asked and ended."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from io import FileIO
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any

from synthgym.errors import SynthError
from synthgym.hosting.helper import GROWN, HEADER

HELPERS = hasattr(os, "fork")
"""Whether there are helper processes: not on Windows, whose processes are handed no open files."""
HELPER = Path(__file__).with_name("helper.py")
_KEPT = 1 << 24  # bytes that answers may hold from call to call: to free memory costs more than to use it
_LINES = 3
"""Of what a helper said before it died, so many last lines are told."""
_HOSTS = ("Attempting to load VST", "Creating VST instance")
"""How lines begin that are the host's, of any plugin."""
_ALIKE = {"MALLOC_PERTURB_": "255", "PYTHONHASHSEED": "0"}
"""Memory that nobody has written to is zero in all helpers; see ``helper.begin_alike``."""


class Died(Exception):
    """The process of a call died or hung.

    Attributes:
        how: in what way, as ``was killed by SIGSEGV``.
        hung: whether it is still at work.
        said: the last lines of its standard error, if it was loading.
        helper_lives: whether only a child of the helper is gone.
    """

    def __init__(self, how: str, *, hung: bool = False, helper_lives: bool = False) -> None:
        super().__init__(how)
        self.how, self.hung, self.helper_lives = how, hung, helper_lives
        self.said: str | None = None


class Helper:
    """One helper process.

    Args:
        kind: of the object it makes, as ``module:class``.
        options: what the object is made with.
        fork: whether each call runs in a child forked from the helper.
        patience: seconds after which making the object is taken to hang; None for never.
        name: what messages call the object.

    Attributes:
        owner: the process that started it.
        has_grown: whether it holds so much more memory than at first that another is to take its place.

    Raises:
        SynthError: no process can be started, or the object cannot be made.
        Died: making the object kills or hangs the process.
    """

    def __init__(
        self, kind: str, options: Mapping[str, Any], *, fork: bool, patience: float | None, name: str
    ) -> None:
        if not HELPERS:
            raise SynthError(
                f"{name} needs a helper process here, which this system has not; "
                "render in the main thread, or in processes (rendering='processes')"
            )
        self.owner = os.getpid()
        self.has_grown = False
        self._ours = ExitStack()
        try:
            self._start()
        except OSError as error:
            self._ours.close()
            raise SynthError(f"{name}: cannot start a helper process: {error.strerror}") from error
        try:
            about = kind, [path or str(Path.cwd()) for path in sys.path], fork
            problem = self._ask(about, options, patience=patience)
            if problem is not None:
                raise SynthError(f"{name}: {problem}")
        except Died as died:
            died.said = self._last_words()
            self.end()
            raise
        except BaseException:
            self.end()
            raise
        self._said.close()

    def _start(self) -> None:
        with ExitStack() as theirs:
            ours, calls = socketpair()
            theirs.enter_context(calls)
            self._calls: Connection[Any, Any] = self._ours.enter_context(Connection(ours.detach()))
            self._answers = self._ours.enter_context(_new_file())
            self._answers.write(bytes(HEADER))
            lifeline, end = map(FileIO, os.pipe(), "rw")
            theirs.enter_context(lifeline), self._ours.enter_context(end)
            self._said, said = map(FileIO, os.pipe(), "rw")
            self._ours.enter_context(self._said), theirs.enter_context(said)
            # What does not fit into the pipe is lost: a plugin that chatters must not wait for a reader.
            os.set_blocking(said.fileno(), False)
            os.set_blocking(self._said.fileno(), False)
            shared = calls.fileno(), self._answers.fileno(), lifeline.fileno()
            # Its own session, so that a hanging child is killed with it and Ctrl-C reaches us alone.
            self._process = subprocess.Popen(
                [sys.executable, HELPER, *map(str, shared)],
                pass_fds=shared,
                env={**_displayed(os.environ), **_ALIKE},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )

    def call(self, method: str, arguments: tuple[Any, ...], patience: float | None) -> tuple[bool, Any]:
        """Return True and what a method returns, or False and the name and message of what it raises.

        Args:
            method: to call.
            arguments: of the call.
            patience: seconds after which it is taken to hang; None for never.

        Returns:
            Whether the method returned; and what it returned, or the name and message of the exception.

        Raises:
            Died: the process died or hung.
        """
        os.pwrite(self._answers.fileno(), bytes(HEADER), 0)
        status = self._ask((method, arguments), patience=patience)
        self._answers.seek(0)
        length = int.from_bytes(self._answers.read(HEADER), "little")
        self.has_grown = status == GROWN
        if status not in (0, GROWN) or length == 0:
            raise Died(_ending(os.waitstatus_to_exitcode(status)), helper_lives=True)
        data = bytearray(length)
        rest = memoryview(data)
        while rest:
            rest = rest[self._answers.readinto(rest) :]
        if length > _KEPT:
            self._answers.truncate(HEADER)
        answer: tuple[bool, Any] = pickle.loads(data)
        return answer

    def _ask(self, *messages: Any, patience: float | None) -> Any:
        """Send messages and return the reply; Died if there is none."""
        try:
            for message in messages:
                self._calls.send(message)
            if self._calls.poll(patience):
                return self._calls.recv()
        except (EOFError, OSError):
            try:
                how = _ending(self._process.wait(1))
            except subprocess.TimeoutExpired:
                how = "died"
            raise Died(how) from None
        raise Died(f"hung for {patience:g} seconds", hung=True)

    def _last_words(self) -> str | None:
        """Return the last lines that it wrote to its standard error while it was loading, as one."""
        lines = (self._said.read() or b"").decode(errors="replace").split("\n")
        said = [line.strip()[:300] for line in lines if line.strip() and not line.startswith(_HOSTS)]
        return " / ".join(said[-_LINES:]) or None

    def kill(self) -> None:
        """Kill the helper and its children; a call that waits for it in another thread raises Died."""
        if self.owner == os.getpid() and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def end(self) -> None:
        """Kill the helper and its children, and let go of what this process has of it."""
        self.kill()
        self._ours.close()


def _displayed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a plugin made with Qt needs no display, where there is none."""
    shown = sys.platform != "linux" or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return {**({} if shown else {"QT_QPA_PLATFORM": "offscreen"}), **environment}


def _new_file() -> FileIO:
    """Return a file without a name; on Linux it is memory, and a full temporary folder is no matter."""
    if sys.platform == "linux":
        return FileIO(os.memfd_create("synthgym"), "r+")
    return tempfile.TemporaryFile(buffering=0)


def _ending(code: int) -> str:
    """Return how a process came to its end, by its exit code as subprocess gives it."""
    if code >= 0:
        return "ended its own process"
    return f"was killed by {next((s.name for s in signal.Signals if s == -code), f'signal {-code}')}"
