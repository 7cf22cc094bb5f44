"""Scripts run from anywhere, whatever else is installed, in any encoding, and end in order."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import ROOT, Script, present
from forking import run_python

from agents.commands.cli import read_keywords, run, synth_id, whole_hyperparameters
from agents.commands.match import main
from agents.matching.presets import rendered_by
from agents.trials.signals import Signals
from synthgym.errors import SynthgymError

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
    started_by = tmp_path / "started_by.py"
    # Without the folder of the script on the path, as under PYTHONSAFEPATH.
    started_by.write_text(
        "import runpy, sys; sys.path[0] = sys.argv[2]; runpy.run_path(sys.argv[1])\n"
        "print(sys.modules['agents'].__file__)"
    )
    script = str(ROOT / "scripts" / name)
    result = run_python([str(started_by), script, other_agents["PYTHONPATH"]], tmp_path)
    assert result.stdout.strip() == str(ROOT / "agents/__init__.py"), result.stderr


def test_a_script_runs_by_a_link_from_another_folder(other_agents: dict[str, str], tmp_path: Path) -> None:
    link = tmp_path / "match"
    link.symlink_to(ROOT / "scripts/match.py")
    command: list[str | Path] = [sys.executable, "-P", link, "--help"]
    result = subprocess.run(command, env=other_agents, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--start PRESET" in result.stdout


@pytest.mark.slow
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
            # A second signal acts at once: what there is then may be of the first answer, without a history.
            assert json.loads(path.read_text())["parameters"]
        else:
            assert path.read_text().rstrip().endswith("</html>")


def test_sigterm_ends_a_match_with_what_was_found(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "at best, after" in output
    assert_whole(tmp_path / "out")
    assert json.loads((tmp_path / "out/match.json").read_text())["history"]
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
    # One that comes when all is done, as the interpreter ends, ends it by itself.
    assert process.returncode in (0, 130, -signal.SIGINT), errors
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


def test_ctrl_c_that_is_lost_in_a_callback_comes_again(tmp_path: Path) -> None:
    """As in those that libraries have for the collector of garbage, where an exception is only shown."""
    body = """
import gc, signal, sys, time
from agents.commands.cli import run
def lost(phase, info):
    if phase == "stop" and lost in gc.callbacks:
        gc.callbacks.remove(lost)
        signal.raise_signal(signal.{})
        time.sleep(.01)
def main():
    gc.callbacks.append(lost)
    gc.collect()
    time.sleep(20)
    return 0
run(main)
"""
    for number, code in (("SIGINT", 130), ("SIGTERM", 143)):
        done = subprocess.run(
            [sys.executable, "-c", body.format(number)], capture_output=True, text=True, cwd=ROOT, timeout=60
        )
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x=!!bool x", "no name=value with a value in YAML"),
        ("x=!!timestamp x", "no name=value with a value in YAML"),
        ("x=" + "[" * 3000, "no name=value with a value in YAML"),
        ("others={FM-v0: {}, FM-v0: {note: 40}}", "FM-v0 is in it twice"),
    ],
)
def test_what_is_no_yaml_is_refused_in_a_line(text: str, says: str) -> None:
    with pytest.raises(SynthgymError, match=says) as error:
        read_keywords([text])
    assert "\n" not in str(error.value)


def test_aliases_are_followed_once() -> None:
    bomb = "x={a: &a [1], b: &b [*a, *a], " + ", ".join(
        f"{chr(c + 1)}: &{chr(c + 1)} [*{chr(c)}, *{chr(c)}]" for c in range(ord("b"), ord("z"))
    )
    (read,) = read_keywords([bomb + "}"]).values()
    assert read["b"] == [[1], [1]]
    assert len(read_keywords(["x=&a [*a]"])["x"]) == 1


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


@pytest.mark.parametrize("body", ["print('x', flush=True)", "print('x')", "print('x' * 100_000)"])
def test_output_that_nobody_reads_ends_a_script_quietly(body: str) -> None:
    code = f"from agents.commands.cli import run; run(lambda: {body} or 0)"
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    present(process.stdout).close()
    assert process.wait(60) == 141
    assert present(process.stderr).read() == ""


def test_another_broken_pipe_is_an_error() -> None:
    code = "from agents.commands.cli import run; run(lambda: exec('raise BrokenPipeError'))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "BrokenPipeError" in result.stderr


@pytest.mark.parametrize(
    "command",
    [("report.py",), ("evaluate.py", "--validate"), ("train.py", "--env", "FM-v0", "--log-dir")],
)
def test_a_name_that_no_file_can_have_is_one_line(command: tuple[str, ...], script: Script) -> None:
    refused = script(*command, "x" * 300, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: cannot use xxx")
    assert refused.stderr.endswith("File name too long; give another path\n")


def test_files_are_named_by_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("X.DSP", "tone.wav", "mine", "human"):
        (tmp_path / name).touch()
    env_id, env_kwargs = synth_id(
        "X.DSP", {"soundfiles": {"a": "tone.wav", "b": "nope.wav"}, "patches": "mine"}
    )
    assert env_id == "Faust-v0"
    assert env_kwargs == {
        "dsp": str(tmp_path / "X.DSP"),
        "soundfiles": {"a": str(tmp_path / "tone.wav"), "b": "nope.wav"},
        "patches": str(tmp_path / "mine"),
    }
    assert synth_id("FM-v0", {"patches": "human"}) == ("FM-v0", {"patches": "human"})
    learned_from = {
        "weights": "mine",
        "loss": "human",
        "others": {"Faust-v0": {"dsp": "X.DSP"}, "FM-v0": None},
    }
    assert whole_hyperparameters(learned_from) == {
        "weights": str(tmp_path / "mine"),
        "loss": "human",
        "others": {"Faust-v0": {"dsp": str(tmp_path / "X.DSP")}, "FM-v0": None},
    }


@pytest.mark.parametrize(
    ("asked", "keywords", "says"),
    [
        (None, {}, {"plugin": "/a/one.so", "frozen": {"x": 1}, "note": 48}),
        (
            ("Plugin-v0", {"plugin": "/a/./one.so"}),
            {},
            {"plugin": "/a/./one.so", "frozen": {"x": 1}, "note": 48},
        ),
        (("Plugin-v0", {}), {"note": 50}, {"plugin": "/a/one.so", "frozen": {"x": 1}, "note": 50}),
        (("Plugin-v0", {"plugin": "/a/two.so"}), {}, {"plugin": "/a/two.so", "note": 48}),
        (("Plugin-v0", {}), {"plugin": "urn:two"}, {"plugin": "urn:two", "note": 48}),
        (None, {"plugin": "/a/two.so"}, {"plugin": "/a/two.so", "note": 48}),
        (("FM-v0", {}), {}, {"note": 48}),
    ],
)
def test_a_preset_is_rendered_as_it_was_matched_unless_another_instrument_is_asked_for(
    asked: tuple[str, dict[str, Any]] | None, keywords: dict[str, Any], says: dict[str, Any], tmp_path: Path
) -> None:
    match = {
        "env": "Plugin-v0",
        "env_kwargs": {"plugin": "/a/one.so", "frozen": {"x": 1}, "note": 48},
        "answers": [{"preset": "match.fxp"}],
    }
    (tmp_path / "match.json").write_text(json.dumps(match))
    rendered = rendered_by(tmp_path / "match.fxp", asked, keywords, "Dexed6Op-v0")
    assert rendered == ("Plugin-v0" if asked is None else asked[0], says)


def test_a_match_is_rendered_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sounds and patches are found there, though they were named by relative paths."""
    code = (
        'import("stdfaust.lib"); process = 0, int(ba.time * hslider("freq", 440, 20, 2000, 1) / 440) : '
        'soundfile("tone", 1) : !, !, _ : *(button("gate") * hslider("level", 1, .1, 1, .01));'
    )
    (tmp_path / "x.dsp").write_text(code)
    (tmp_path / "tone.wav").write_bytes(MARIMBA.read_bytes())
    (tmp_path / "elsewhere").mkdir()
    options = ["soundfiles={tone: tone.wav}", "duration=0.3", "hold=0.2"]
    command = ["tone.wav", "--env", "x.dsp", "--agent", "random", "--budget", "2", "--out", "out"]
    for folder, arguments in (
        (".", [*command, "--env-kwargs", *options]),
        ("elsewhere", ["--render", "../out/match.json", "--out", "x.wav"]),
    ):
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setattr(sys, "argv", ["match", *arguments])
        assert main() == 0
    assert soundfile.info(tmp_path / "elsewhere/x.wav").frames == round(0.3 * 44100)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (MemoryError(), "MemoryError"),
        (MemoryError("Unable to allocate 9 TiB"), "Unable to allocate 9 TiB"),
    ],
)
def test_want_of_memory_is_one_line(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of the tests stay

    def main() -> int:
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: no memory is left ({said}); allow more, or ")


def test_other_errors_at_run_time_are_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def main() -> int:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        run(main)
