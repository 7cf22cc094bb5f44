"""The benchmark's figures agree with each other; how large they are is nobody's business here."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import ROOT, Script, synth_env

from envs_registry import ENVIRONMENTS, missing
from synthgym.features import distance

# What each ratio is made of, of what is measured in a round.
RATIOS = {
    "features": {"per_logmel": ("multiresolution", "logmel"), "per_plain": ("multiresolution", "plain")},
    "steps": {"step_per_render": ("step", "render")},
    "vector": {"vector_per_single": ("vector", "single"), "step_per_raw": ("batch_step", "batch_raw")},
    "others": {"faster": ("native", "other")},
    "handwritten": {"faster": ("ours", "by_hand")},
    "growth": {"per_first": ("steps", "first")},
    "lookup": {"faster": ("all", "sums")},
    "searches": {"halving": ("halving", "rendered"), "hill_climber": ("hill_climber", "rendered")},
}
FAST_TO_START = [name for name in RATIOS if name != "others"]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module that lies beside the scripts."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module


def check(name: str, section: dict[str, Any], rounds: int) -> None:
    """Every row has its columns, and every ratio is the median of the rounds' ratios."""
    assert section["rows"]
    for row in section["rows"]:
        assert set(section["columns"]) <= set(row)
        assert set(section["required"]) <= set(section["columns"])
        for ratio, (over, under) in RATIOS[name].items():
            pairs = list(zip(row["rounds"][over], row["rounds"][under], strict=True))
            assert len(pairs) == rounds
            assert row[ratio] == pytest.approx(median(a / b for a, b in pairs))
    missed = [
        (row, key)
        for row in section["rows"]
        for key, bound in section["required"].items()
        if row[key] < bound.get("at least", 0) or row[key] > bound.get("at most", np.inf)
    ]
    assert len(section["missed"]) == len(missed)


@pytest.mark.slow
def test_the_report_is_whole_and_agrees_with_itself(script: Script, tmp_path: Path) -> None:
    sections = ",".join(FAST_TO_START)
    out = tmp_path / "new/report"
    printed = script("benchmark.py", "--sections", sections, "--rounds", 2, "--steps", 3, "--out", out).stdout
    report = json.loads((out / "benchmark.json").read_text())
    assert printed.strip() == (out / "benchmark.md").read_text().strip()
    assert {"cores", "cpu", "python", "numpy", "gymnasium", "stable-baselines3", "dexed-py"} <= set(
        report["machine"]
    )
    assert list(report["sections"]) == FAST_TO_START
    for name, section in report["sections"].items():
        check(name, section, rounds=2)
    ids = [row["id"] for row in report["sections"]["steps"]["rows"]]
    assert ids == [env_id for env_id in ENVIRONMENTS if not missing(env_id)]
    for row in report["sections"]["steps"]["rows"]:
        step, render, reference = (row["rounds"][name] for name in ("step", "render", "reference"))
        parts = zip(step, render, reference, strict=True)
        assert row["step_per_least"] == pytest.approx(median(s / (r + f) for s, r, f in parts))
    assert report["sections"]["vector"]["required"] == {
        "vector_per_single": {"at least": 1.7},
        "step_per_raw": {"at most": 1.1},
    }
    assert report["sections"]["handwritten"]["required"] == {"faster": {"at least": 4}}


@pytest.mark.slow
def test_environments_in_processes_are_measured_beside_ours(
    module: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    others, report = module("agents.benchmarks.others"), module("agents.benchmarks.report")
    effort = module("agents.benchmarks.section").Effort(rounds=2, steps=2)
    rows = others.rows_of("FM-v0", 2, effort)
    report.write(tmp_path, report.machine(), effort, [(others.SECTION, rows)])
    section = json.loads((tmp_path / "benchmark.json").read_text())["sections"]["others"]
    check("others", section, rounds=2)
    assert [row["other"] for row in section["rows"]] == ["AsyncVectorEnv", "SubprocVecEnv"]
    for row in section["rows"]:
        assert row["memory"] == pytest.approx(row["native_mb"] / row["other_mb"])
        assert row["native_mb"] > 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--sections", "steps,vectr"), "unknown section 'vectr'; did you mean 'vector'?"),
        (("--rounds", 0), "--rounds must be a whole number from 1"),
        (("--out", "a file/report"), "cannot write to a file/report"),
    ],
)
def test_bad_input_is_one_line(
    script: Script, tmp_path: Path, arguments: tuple[object, ...], named: str
) -> None:
    (tmp_path / "a file").touch()
    done = script("benchmark.py", *arguments, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert named in line


@pytest.mark.parametrize(("env_id", "most"), [("Dexed1Op-v0", 0), ("FM-v0", 0.01)])
@pytest.mark.slow
def test_what_is_written_by_hand_plays_the_same(
    module: Callable[[str], ModuleType], env_id: str, most: float
) -> None:
    by_hand = module("agents.benchmarks.by_hand").BY_HAND[env_id]()
    task = synth_env(gym.make(env_id)).task
    unit = task.space.sample(np.random.default_rng(0), 8)
    mine = task.extract(np.stack([by_hand.render_note(row) for row in unit])).features[0]
    assert (distance(mine, task.render(unit).features[0]) <= most).all()


@pytest.mark.slow
def test_the_grid_is_made_and_described(script: Script, tmp_path: Path) -> None:
    arguments = ["--values", 3, "--data", tmp_path / "fm", "--out", tmp_path / "results"]
    script("benchmark_grid.py", *arguments)
    kept = json.loads((tmp_path / "results" / "grid.json").read_text())
    assert kept["examples"] == 3**6
    assert kept["writes"] > 0
    page = (tmp_path / "results" / "grid.md").read_text()
    assert "729 examples" in page
    assert "| 10^10 |" in page
    again = script("benchmark_grid.py", *arguments, check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("error: ")


@pytest.mark.slow
def test_what_a_page_waits_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.benchmarks import studio
    from agents.benchmarks.section import Effort
    from agents.studio.instruments import instrument

    fm = instrument("FM-v0")
    monkeypatch.setattr(studio, "instruments", lambda: [fm])
    monkeypatch.setattr(studio, "SECONDS", 2.0)
    monkeypatch.setattr(studio, "KEYS", 2)
    (row,) = studio.measure(Effort(rounds=2, steps=3))
    assert set(row) == {*studio.SECTION.columns, "rounds"}
    assert [len(values) for values in row["rounds"].values()] == [2] * 6
    assert all(np.isfinite(row[key]) and row[key] > 0 for key in row["rounds"])
    assert row["key"] <= row["slowest"]
