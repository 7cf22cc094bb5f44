"""The examples in docstrings and the Python blocks of README, site and CONTRIBUTING run as they stand."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import AMSYNTH, ROOT
from forking import run_python

import agents
import synthgym


def modules() -> Iterator[str]:
    """The names of all modules of both packages."""
    for package in (synthgym, agents):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # The helper's modules are run by their paths.
            if module.name not in ("synthgym.hosting.helper",):
                yield module.name


def test_examples_of_docstrings() -> None:
    attempted = {}
    for name in ["synthgym", "agents", "envs_registry", *modules()]:
        found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
        assert not found.failed, name
        if found.attempted:
            attempted[name] = found.attempted
    assert {"envs_registry", "agents.spec", "synthgym.features.distance"} <= {*attempted}


def blocks(name: str) -> list[str]:
    """The Python blocks of a Markdown file, those in lists too."""
    found = re.findall(r"^ *```python\n(.*?)^ *```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)
    return [textwrap.dedent(block) for block in found]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the README's commands have made before its Python blocks: smaller, but real."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(ROOT / "examples")

    def run(name: str, *arguments: str) -> None:
        done = run_python([str(ROOT / "scripts" / name), *arguments], folder)
        assert done.returncode == 0, done.stderr

    run("make_dataset.py", "--env", "FM-v0", "--out", "data/fm", "--size", "2000")
    run("make_dataset.py", "--env", "Dexed1Op-v0", "--out", "data/dexed", "--size", "600")
    train = ["--steps", "20", "--hyperparameters", "loss=parameter"]
    run("train.py", "--env", "Dexed1Op-v0", "--agent", "mlp", "--dataset", "data/dexed", *train)
    evaluate = [
        "--env",
        "FM-v0",
        "--agents",
        "random",
        "--targets",
        "test:2",
        "--budgets",
        "1,5",
        "--seeds",
        "1",
    ]
    run("evaluate.py", *evaluate, "--out", "results/fm")
    return folder


GUIDES = ("first-steps", "your-own-synth", "train", "datasets", "match", "evaluate", "extend")
API = ("environments", "tasks", "synths", "recordings", "datasets", "agents")
PAGES = {
    "README": ["README.md"],
    "site": [f"docs/guides/{name}.md" for name in GUIDES] + [f"docs/api/{name}.md" for name in API],
}


@pytest.mark.slow
def test_the_readme_and_the_site_run(made: Path) -> None:
    """Each in its order, in one process, as somebody who tries one after the other."""
    for name, pages in PAGES.items():
        code = "\n".join(block for page in pages for block in blocks(page))
        assert "gym.make" in code
        if not Path(AMSYNTH).exists():
            code = re.sub(r"^.*(?:amsynth|Amsynth).*$", "", code, flags=re.M)
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, f"{name}: {done.stderr}"
    assert (made / "matches/best.syx").stat().st_size == 163


def test_the_synth_of_contributing_is_a_synth() -> None:
    (code,) = blocks("CONTRIBUTING.md")
    names: dict[str, Any] = {}
    exec(code, names)
    synth = names["SineSynth"]()
    audio = synth.render(synth.space.to_native(synth.space.sample(np.random.default_rng(0), 3)))
    assert audio.shape == (3, 44100)
    assert audio.any(axis=1).all()
