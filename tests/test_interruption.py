"""Ctrl-C, and processes that a shell started in the background, where it is ignored."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from conftest import ROOT, read_until, started
from small_sets import SHORT

from agents.trials.signals import Signals

PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
SHORT_NOTES = [f"{name}={value}" for name, value in SHORT.items()]


def test_what_ignores_ctrl_c_goes_on(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_dataset.py"
    arguments = ["--env", "FM-v0", "--size", "500", "--out", tmp_path / "set", "--env-kwargs", *SHORT_NOTES]
    with started(script, *arguments, sigint="SIG_IGN", **PIPES) as making:
        read_until(making.stderr, "examples")
        making.send_signal(signal.SIGINT)
        output, errors = making.communicate(timeout=120)
    assert making.returncode == 0, errors
    assert "500 items" in output


def test_a_training_does_not_catch_what_is_ignored() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            assert signals.caught is None
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            assert signals.caught == signal.SIGTERM
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def test_tests_interrupt_and_end_their_children_even_in_the_background() -> None:
    """The shell's ``trap '' INT`` does what it does to its background jobs."""
    code = (
        "import signal, sys, time; sys.path.insert(0, 'tests'); from conftest import started\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "with started('-c', 'import time; print(1, flush=True); time.sleep(60)', stdout=-1) as child:\n"
        "    child.stdout.read(1)\n"
        "    child.send_signal(signal.SIGINT)\n"
        "    assert child.wait(30) == -signal.SIGINT\n"
        "with started('-c', 'import time; time.sleep(60)') as child:\n"
        "    pass\n"
        "assert child.poll() == -signal.SIGKILL"
    )
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
