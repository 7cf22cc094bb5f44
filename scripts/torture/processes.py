"""Commands in processes of their own: how they end, and what they leave behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_MARK = "SYNTHGYM_TORTURE"
"""A variable by which all processes of a command are known, helpers in sessions of their own too."""
_STEP = 0.02
PATIENCE = 60.0
"""Seconds after which a command that was asked to end hangs."""
_EXEC = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        code: exit code, negative of a signal that killed it.
        output: standard output.
        errors: standard error.
        seconds: that it took.
        memory: bytes that it held at most.
        sent: whether it was sent the signal before it had ended.
        hung: whether it had to be killed, since it did not end in time.
        left: command lines of processes that lived on, which are killed.
    """

    code: int
    output: str
    errors: str
    seconds: float
    memory: int
    sent: bool
    hung: bool
    left: tuple[str, ...]

    @property
    def last(self) -> str:
        """The last line of its standard error."""
        return (self.errors.replace("\r", "\n").strip().splitlines() or [""])[-1]

    def fault(self, *codes: int) -> str:
        """Return what is wrong with how it ended: nothing if in good order, with one of some codes."""
        if self.hung:
            return f"hangs: did not end within {PATIENCE:g} s"
        if "Traceback (most recent call last)" in self.errors or "Fatal Python error" in self.errors:
            return f"a traceback: {self.last}"
        if self.code not in codes:
            return f"exit code {self.code}: {self.last}"
        if self.code == 2 and "error: " not in self.last:
            return f"exit code 2, and the last line is no error: {self.last}"
        return f"left running: {self.left[0]}" if self.left else ""


def command(
    script: str,
    *arguments: object,
    cwd: Path,
    after: float | None = None,
    send: int = signal.SIGKILL,
    limit: float = 120.0,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    while_running: Callable[[], None] | None = None,
) -> Ended:
    """Run a script of the project, and return how it ended.

    Args:
        script: name of the file.
        *arguments: of its command line.
        cwd: folder in which it runs.
        after: seconds after which it is sent a signal; None for never.
        send: that signal.
        limit: seconds after which it is interrupted as Ctrl-C does it, if nothing else was sent.
        environment: variables besides this process's own.
        before: called in the process before it begins, to set its limits.
        while_running: called now and then.

    Returns:
        How it ended, with all processes that it started.
    """
    mark, start = secrets.token_hex(8), time.monotonic()
    words: Sequence[str] = [sys.executable, "-c", _EXEC, str(ROOT / "scripts" / script), *map(str, arguments)]
    variables = {**os.environ, **(environment or {}), _MARK: mark}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            preexec_fn=before,
        )
        sent = stopped = hung = False
        due = start + (limit if after is None else after)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            now = time.monotonic()
            if not stopped and now >= due:
                stopped, sent = True, after is not None
                due = now + PATIENCE
                process.send_signal(signal.SIGINT if after is None else send)
            elif stopped and now >= due and not hung:
                hung = True
                process.kill()
            if while_running is not None:
                while_running()
            time.sleep(_STEP)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        output.seek(0), errors.seek(0)
        shown, complained = (file.read().decode(errors="replace") for file in (output, errors))
    memory = usage.ru_maxrss * 1024
    return Ended(process.returncode, shown, complained, seconds, memory, sent, hung, _left(mark))


def _left(mark: str, patience: float = 20.0) -> tuple[str, ...]:
    """Return what still runs of a command after some seconds, and kill it.

    What imports, or is in the middle of a validation, hears late that its command is gone: on two busy cores
    after six seconds, at most, of 19 times.
    """
    end = time.monotonic() + patience
    while (found := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    lines = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(process.cmdline())[:200])
            process.kill()
    return tuple(lines)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
