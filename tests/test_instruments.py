"""Debian's instruments as synths: patches are heard, and whoever renders them gives the same bytes."""

from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import AMSYNTH, DX10, ROOT, Script, needs, present

from synthgym import datasets
from synthgym.making import make_task
from synthgym.patches import PatchStream

NOTE: dict[str, Any] = {"duration": 0.3, "hold": 0.2}


def lv2(package: str, bundle: str, uri: str) -> Any:
    """An LV2 instrument as a parameter of a test, which is skipped without it."""
    absent = not Path(f"/usr/lib/lv2/{bundle}.lv2").exists()
    reason = f"Debian's package {package} is not installed"
    return pytest.param(uri, marks=pytest.mark.skipif(absent, reason=reason), id=uri.rpartition("/")[2])


INSTRUMENTS = [
    needs(AMSYNTH),
    needs(DX10),
    lv2("mda-lv2", "mda", "http://drobilla.net/plugins/mda/JX10"),
    lv2("calf-plugins", "calf", "http://calf.sourceforge.net/plugins/Monosynth"),
    lv2("calf-plugins", "calf", "http://calf.sourceforge.net/plugins/Organ"),
    lv2("dpf-plugins", "Kars", "http://distrho.sf.net/plugins/Kars"),
    lv2("dpf-plugins", "Nekobi", "http://distrho.sf.net/plugins/Nekobi"),
]


@pytest.mark.slow
@pytest.mark.parametrize("plugin", INSTRUMENTS)
def test_random_patches_are_mostly_heard(plugin: str) -> None:
    with closing(make_task("Plugin-v0", {"plugin": plugin})) as task:
        patches = task.make_patches(PatchStream("pool", seed=3).ids(range(40)))
    assert 40 / patches.renders.sum() >= 0.4


@pytest.mark.slow
@pytest.mark.parametrize("plugin", INSTRUMENTS)
def test_environments_and_workers_of_a_seed_agree(plugin: str) -> None:
    vectors = [
        gym.make_vec("Plugin-v0", num_envs=2, plugin=plugin, rendering=rendering, workers=workers, **NOTE)
        for rendering, workers in (("threads", 2), ("inline", 1))
    ]
    envs: list[gym.Env[Any, Any]] = [gym.make("Plugin-v0", plugin=plugin, **NOTE) for _ in range(2)]
    _all_equal([env.reset(seed=4)[0] for env in envs] + [vector.reset(seed=4)[0][0] for vector in vectors])
    rng = np.random.default_rng(0)
    for _ in range(3):
        actions = rng.uniform(-1, 1, present(vectors[0].action_space.shape)).astype(np.float32)
        alone = [env.step(actions[0])[0] for env in envs]
        _all_equal(alone + [vector.step(actions)[0][0] for vector in vectors])
    for env in envs:
        env.close()
    for vector in vectors:
        vector.close()


@pytest.mark.slow
@pytest.mark.parametrize("plugin", [INSTRUMENTS[2], INSTRUMENTS[-1]])
def test_data_sets_of_a_seed_agree(plugin: str, tmp_path: Path) -> None:
    sets = []
    for name in ("one", "other"):
        recipe = datasets.Recipe("Plugin-v0", env_kwargs={"plugin": plugin, **NOTE}, audio=True).random(6)
        datasets.make(tmp_path / name, recipe, progress=False)
        recipe.task.close()
        sets.append(datasets.load(tmp_path / name))
    one, other = sets
    np.testing.assert_array_equal(present(one.audio)[:], present(other.audio)[:])
    np.testing.assert_array_equal(one.parameters[:], other.parameters[:])


BASS = ROOT / "examples/targets/synth_bass.wav"


def test_the_table_says_why_a_plugin_is_refused(script: Script, tmp_path: Path) -> None:
    printed = script("plugin_table.py", "nope.so", "--target", BASS).stdout
    assert "| `nope.so` | refused: no such plugin: nope.so; give a path" in printed
    result = script("plugin_table.py", "nope.so", "--target", BASS, "--out", tmp_path / "x.md", check=False)
    assert result.returncode == 2
    assert "has no table of plugins to replace; leave --out away" in result.stderr


@pytest.mark.slow
@needs.dx10
def test_the_table_of_a_page_is_replaced(script: Script, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n\n| plugin | old |\n| --- | --- |\n| `old` | 1 |\n\nafter\n")
    script("plugin_table.py", DX10, "--target", BASS, "--seconds", 2, "--out", page)
    before, _, _, _, row, *after = page.read_text().splitlines()
    assert (before, after) == ("before", ["", "after"])
    cells = row.strip("| ").split(" | ")
    assert cells[0] == f"`{DX10}`"
    assert cells[2:9] == ["16: 16 + 0", "0", "0", "100%", "0", "0", "fork"]
    start, best = (float(cells[place]) for place in (11, 12))
    assert 0 < best <= start < 1


def _all_equal(observations: list[Any]) -> None:
    for observation in observations[1:]:
        np.testing.assert_array_equal(observation, observations[0])
