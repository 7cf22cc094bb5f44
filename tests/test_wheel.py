"""From the wheel alone, in an environment of its own and an empty folder; beside openai-agents, too."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest
from conftest import ROOT, present

from agents.commands.table import COMMANDS

pytestmark = pytest.mark.slow
OPENAI = "openai-agents"
"""The distribution that owns the import name ``agents``."""
Run = Callable[..., str]


def run(*command: object, cwd: Path = ROOT) -> str:
    """Run a program that sees nothing of the clone; give what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def make_venv(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make an environment that sees the packages of this one, but not the clone."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("venv")
        run(sys.executable, "-m", "venv", folder)
        # The editable install of the clone is a .pth file there, which is not read through this one.
        others = next(folder.glob("lib/python*/site-packages")) / "others.pth"
        others.write_text(sysconfig.get_path("purelib"))
        return folder

    return make


@pytest.fixture(scope="module")
def installed(built: Path, make_venv: Callable[[], Path]) -> Path:
    """Such an environment with the wheel."""
    venv = make_venv()
    run(venv / "bin/pip", "install", "--quiet", "--no-deps", *built.glob("*.whl"))
    return venv


@pytest.fixture
def synthgym(installed: Path, tmp_path: Path) -> Run:
    """Run the program in an empty folder."""
    return lambda *arguments: run(installed / "bin/synthgym", *arguments, cwd=tmp_path)


def imported(venv: Path, cwd: Path) -> tuple[str, ...]:
    """The folders of ``synthgym_agents`` and of ``agents``, and where the first has its ``load``."""
    code = "import agents, synthgym_agents as ours; "
    code += "print(ours.__path__[0], agents.__path__[0], ours.load.__module__)"
    return tuple(run(venv / "bin/python", "-c", code, cwd=cwd).split())


def test_wheel_and_sdist_hold_all_that_is_under_version_control(built: Path) -> None:
    tracked = run("git", "ls-files", "synthgym", "agents", "envs_registry.py").split()
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert {*tracked, "synthgym_agents.py"} <= {name.partition("/")[2] for name in archive.getnames()}
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    # The folder has another name, and nothing stands beside it that a clone needs.
    assert sorted(names) == sorted(name.replace("agents/", "synthgym_agents/", 1) for name in tracked)


MANUALS = """
import sys
from synthgym_agents.commands.program import main
for name in sys.argv[1:]:
    sys.argv = ["synthgym", name, "--help"]
    try:
        main()
    except SystemExit as end:
        print(f"ended with {end.code}", flush=True)
"""


def test_every_command_has_a_manual(installed: Path, tmp_path: Path) -> None:
    shown = run(installed / "bin/python", "-c", MANUALS, *COMMANDS, cwd=tmp_path)
    manuals = shown.split("ended with 0\n")
    assert manuals.pop() == ""
    for name, manual in zip(COMMANDS, manuals, strict=True):
        assert manual.startswith(f"usage: synthgym {name} ")
        assert f"  synthgym {name}" in manual.partition("examples:")[2], "an example at the end"
        assert "scripts/" not in manual


def test_a_recording_is_matched(synthgym: Run, tmp_path: Path) -> None:
    copyfile(ROOT / "examples/targets/marimba.wav", tmp_path / "marimba.wav")
    printed = synthgym("match", "marimba.wav", "--budget", 40, "--env", "FM-v0", "--json", "--quiet")
    (match,) = json.loads(printed)
    assert match["renders"] == 40
    folder = tmp_path / match["folder"]
    assert {"match.wav", "target.wav", "match.json", "match.html"} <= {path.name for path in folder.iterdir()}


def test_the_demo_brings_its_recording(synthgym: Run, tmp_path: Path) -> None:
    said = synthgym("demo", "--seconds", 1, "--steps", 1600)
    assert "PPO after it learned" in said
    assert (tmp_path / "runs/demo/match/match.syx").exists()


def test_ppo_a_data_set_and_an_evaluation(synthgym: Run, tmp_path: Path) -> None:
    made = json.loads(synthgym("dataset", "--env", "FM-v0", "--out", "fm", "--size", 1000, "--json"))
    assert (made["items"], made["made"]) == (1000, 1000)
    trained = json.loads(synthgym("train", "--env", "FM-v0", "--algo", "ppo", "-n", 2000, "--json"))
    assert (tmp_path / trained["model"]).exists()
    asked = ("--env", "FM-v0", "--agents", "ppo,nearest", "--dataset", "fm", "--targets", "test:3")
    few = ("--budgets", 20, "--seeds", 1, "--backend", "inline")
    found = json.loads(synthgym("evaluate", *asked, *few, "--out", "results", "--json"))
    assert {row["agent"] for row in found["distances"]} == {"ppo", "nearest"}


def test_the_studio_answers(installed: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        installed / "bin/synthgym",
        "studio",
        "--port",
        "0",
        "--no-browser",
        "--json",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = iter(present(process.stdout).readline, "}\n")
            address = json.loads("".join(lines) + "}")["address"]
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert "<!doctype html>" in answer.read().decode().lower()
        finally:
            process.kill()


def test_the_network_that_comes_with_it_is_loaded(installed: Path, tmp_path: Path) -> None:
    code = "import synthgym_agents; print(synthgym_agents.load('pretrained', 'Dexed6Op-v0'))"
    assert "object" in run(installed / "bin/python", "-c", code, cwd=tmp_path)


def test_openai_agents_may_be_installed_before_and_after(
    built: Path, make_venv: Callable[[], Path], tmp_path: Path
) -> None:
    venv = make_venv()
    pip = (venv / "bin/pip", "install", "--quiet")
    try:
        run(*pip, OPENAI)
    except AssertionError as error:
        pytest.skip(f"{OPENAI} cannot be installed here: {error}")
    site = next(venv.glob("lib/python*/site-packages"))
    theirs = str(site / "agents")
    run(*pip, "--no-deps", *built.glob("*.whl"))
    assert imported(venv, tmp_path) == (str(site / "synthgym_agents"), theirs, "synthgym_agents.api")
    run(*pip, "--no-deps", "--force-reinstall", OPENAI)
    assert imported(venv, tmp_path) == (str(site / "synthgym_agents"), theirs, "synthgym_agents.api")
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    assert imported(venv, tmp_path) == (str(ROOT / "agents"), theirs, "synthgym_agents.api")
    assert "examples:" in run(venv / "bin/synthgym", "match", "--help", cwd=tmp_path)
