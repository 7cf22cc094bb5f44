"""The wheel and the generated pages."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT, TABLE_IDS, make_task, present

from synthgym.effects import Effect, audible, measure_effects
from synthgym.task import SoundMatchingTask


def run(*command: object, cwd: Path | None = None) -> str:
    return subprocess.run(
        [str(c) for c in command], cwd=cwd, capture_output=True, text=True, check=True, timeout=600
    ).stdout


def imported(*folders: str) -> set[str]:
    """Top-level names of what the modules of folders import from elsewhere."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {present(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    ours = {"agents", "synthgym", "envs_registry"}
    ours |= {path.stem for path in files} | {path.parent.name for path in files}
    return {name.split(".")[0] for name in names} - ours - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (["synthgym"], ["datasets", "ray", "vital"]),
        (["agents"], ["datasets", "agents", "sweep", "video"]),
        (["scripts"], ["datasets", "agents", "docs", "dev"]),
    ],
)
def test_what_is_imported_is_required(folders: list[str], extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for name in extras:
        wanted += project["optional-dependencies"][name]
    names = {present(re.match(r"[\w-]+", text))[0].lower().replace("_", "-") for text in wanted}
    # The first comes with stable-baselines3; the script of the others runs in an environment of its own.
    names |= {"torch", "jax", "synthax"}
    # A package that is one compiled module is not listed by Python 3.11.
    found = {**packages_distributions(), "parselmouth": ["praat-parselmouth"]}
    missing = {
        name
        for name in imported(*folders)
        if not names & {dist.lower().replace("_", "-") for dist in found.get(name, [name])}
    }
    assert missing == set()


@pytest.mark.slow
def test_the_wheel_works_without_the_training_extras(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {t for t in tops if not t.endswith(".dist-info")} == {
        "synthgym",
        "synthgym_agents",
        "envs_registry.py",
    }
    assert {"synthgym/py.typed", "synthgym/synths/dx7_prior.npz"} <= {*zipfile.ZipFile(wheel).namelist()}

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    empty = tmp_path / "empty"
    empty.mkdir()
    for code in (
        "import synthgym, gymnasium as gym; env = gym.make('Dexed1Op-v0')",
        "import gymnasium as gym; env = gym.make('synthgym:Dexed1Op-v0')",
        "import gymnasium as gym; env = gym.make('synthgym:Dexed6OpGoal-v0', render_mode='rgb_array')",
        "import gymnasium as gym; env = gym.make('synthgym:Granulator-v0')",
    ):
        check = "; env.reset(seed=0); env.step(env.action_space.sample()); env.render(); print('made')"
        assert "made" in run(python, "-c", code + check, cwd=empty)
    find = "from importlib.util import find_spec; print(*map(find_spec, ('stable_baselines3', 'agents')))"
    assert run(python, "-c", find, cwd=empty).split() == ["None", "None"]
    program = tmp_path / "venv/bin/synthgym"
    assert "synthgym match" in run(program, cwd=empty)
    refused = subprocess.run([program, "match", "x.wav"], cwd=empty, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert 'pip install "synthgym[agents]"' in line


def document_envs() -> ModuleType:
    """The script as a module."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        path = ROOT / "scripts/document_envs.py"
        spec = present(importlib.util.spec_from_file_location("document_envs", path))
        module = importlib.util.module_from_spec(spec)
        present(spec.loader).exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def without_effects(text: str) -> list[list[str] | str]:
    """The page without its measured columns, which may differ in the last digit between machines."""
    rows = [line.split("|")[:-3] if line.startswith("|") else line for line in text.splitlines()]
    return [row for row in rows if not str(row).startswith(("Without effect at", "Every parameter"))]


@pytest.mark.parametrize("env_id", TABLE_IDS)
def test_pages_are_those_the_script_writes(env_id: str) -> None:
    script = document_envs()
    task = make_task(env_id)
    made = script.page(env_id, task, [Effect(name, 0, 0) for name in task.space.names])
    page = script.PAGES / f"{env_id}.md"
    assert page.exists(), f"run `python scripts/document_envs.py {env_id}`"
    kept = page.read_text(encoding="utf-8")
    assert without_effects(made) == without_effects(kept), "run `make docs`"


@pytest.mark.slow
@pytest.mark.parametrize("env_id", ["Dexed1Op-v0", "Dexed5Op-v0"])
def test_pages_name_the_dead_parameters(env_id: str) -> None:
    script = document_envs()
    effects = list(measure_effects(make_task(env_id)))
    assert script.dead(effects) in (script.PAGES / f"{env_id}.md").read_text()


@pytest.mark.parametrize("synth", ["fm", "dexed"])
def test_the_parameters_that_are_heard_are_those_with_an_effect(synth: str) -> None:
    task = make_task({"fm": "FM-v0", "dexed": "Dexed1Op-v0"}[synth])
    measured = [effect.audible > 0 for effect in measure_effects(task, 3, settings=3)]
    assert list(audible(task, 3, settings=3)) == measured
    assert all(measured) == (synth == "fm")


def test_effects_tell_parameters_with_an_effect_from_those_without() -> None:
    names = ["OP1 OUTPUT LEVEL", "OSC KEY SYNC", "LFO SPEED"]
    # Without depth, no LFO is heard; one note alone never meets another's phase.
    task = SoundMatchingTask("dexed", operators=5, parameters=names, frozen={"LFO AM DEPTH": 0})
    strong, *without = measure_effects(task, 4, settings=3)
    assert (strong.distance, strong.audible) == (1.0, 1.0)
    assert [(e.distance, e.audible) for e in without] == [(0, 0), (0, 0)]
