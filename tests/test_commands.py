"""Scripts run from anywhere, whatever else is installed, in any encoding, and end in order."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from conftest import ROOT, present

from agents.trials.signals import Signals

MARIMBA = ROOT / "examples/targets/marimba.wav"
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
LONG = (MARIMBA, "--env", "FM-v0", "--agent", "hill_climber", "--budget", 10_000_000)


@pytest.fixture
def other_agents(tmp_path: Path) -> dict[str, str]:
    """An environment in which another distribution's package ``agents`` is found before all others."""
    package = tmp_path / "elsewhere" / "agents"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the agents of somebody else')")
    return {**os.environ, "PYTHONPATH": str(package.parent)}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_imports_the_agents_of_its_own_clone(
    name: str, other_agents: dict[str, str], tmp_path: Path
) -> None:
    # Without the folder of the script on the path, as under PYTHONSAFEPATH.
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print(sys.modules['agents'].__file__)"
    command = [sys.executable, "-P", "-c", code, str(ROOT / "scripts" / name)]
    result = subprocess.run(command, env=other_agents, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.strip() == str(ROOT / "agents/__init__.py"), result.stderr


def test_a_script_runs_by_a_link_from_another_folder(other_agents: dict[str, str], tmp_path: Path) -> None:
    link = tmp_path / "match"
    link.symlink_to(ROOT / "scripts/match.py")
    command: list[str | Path] = [sys.executable, "-P", link, "--help"]
    result = subprocess.run(command, env=other_agents, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--start PRESET" in result.stdout


def test_names_that_the_output_cannot_show_are_matched(tmp_path: Path) -> None:
    for name in ("音1.wav", "音2.wav"):
        (tmp_path / name).write_bytes(MARIMBA.read_bytes())
    command: list[str | Path] = [sys.executable, ROOT / "scripts/match.py", "音1.wav", "音2.wav"]
    command += ["--env", "FM-v0", "--agent", "random", "--budget", "3"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert result.returncode == 0, result.stderr
    assert rb"\u97f31.wav (1 of 2)" in result.stdout
    for number in (1, 2):
        match = json.loads((tmp_path / f"matches/音{number}-FM-v0/match.json").read_text())
        assert match["target"] == f"音{number}.wav"


def started(tmp_path: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a match that takes long, and return it when it searches."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts/match.py", *map(str, arguments), "--out", tmp_path / "out"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    shown = ""
    while "best distance" not in shown:
        shown += (character := present(process.stderr).read(1))
        assert character, shown
    return process


def assert_whole(folder: Path) -> None:
    """No temporary file is left, and each of the others can be read."""
    for path in folder.iterdir() if folder.exists() else ():
        assert not path.name.startswith("."), path
        if path.suffix == ".wav":
            assert len(soundfile.read(path)[0])
        elif path.suffix == ".json":
            assert json.loads(path.read_text())["history"]
        else:
            assert path.read_text().rstrip().endswith("</html>")


def test_sigterm_ends_a_match_with_what_was_found(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "at best, after" in output
    assert_whole(tmp_path / "out")
    assert (tmp_path / "out/match.html").exists()


def test_more_signals_leave_whole_files(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "out/target.wav").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    # However many come while the files are written, it comes to its end.
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130), errors
    assert "Traceback" not in errors
    assert_whole(tmp_path / "out")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_leaves_no_temporary_file(stop: signal.Signals, tmp_path: Path) -> None:
    code = f"""
import os, signal, time
from agents.commands.cli import run
from synthgym.files import replaced

def main():
    with replaced("kept.txt") as temporary:
        temporary.write_text("half")
        ready, tell = os.pipe()
        if (child := os.fork()) == 0:
            os.write(tell, b".")
            time.sleep(60)
            os._exit(0)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM, "a forked process ends as ever"
        os.kill(os.getpid(), {int(stop)})
        time.sleep(60)

run(main)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=100)
    assert result.returncode == 128 + stop, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_acts_at_once_unless_patience_is_asked_for() -> None:
    with Signals() as hasty:
        signal.raise_signal(signal.SIGINT)
        assert hasty.caught == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with Signals(patient=True) as patient:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    assert patient.caught == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_modules_log_is_shown() -> None:
    code = """
import logging
from agents.commands.cli import run

def main():
    for name in ("agents.matching.voices", "synthgym.task", "somebody.else"):
        logging.getLogger(name).info("said by %s", name)
    return 0

run(main)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.stderr.splitlines() == ["said by agents.matching.voices", "said by synthgym.task"]
    assert result.stdout == ""
