"""Where random patches come from: what people make, uniform ones, a folder of presets."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import Script, make_task, present, synth_env
from hypothesis import given
from hypothesis import strategies as st
from small_sets import SHORT, recipe, small_blocks  # noqa: F401, fixtures

from synthgym import datasets
from synthgym.candidates import crossed
from synthgym.errors import SynthgymError
from synthgym.patches import HELD_OUT, HeldOutStream, PatchId, PatchStream, Stream, audible
from synthgym.priors import Presets
from synthgym.task import SoundMatchingTask

STREAMS: tuple[Stream, ...] = ("train", "validation", "start", "pool", "dataset")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty presets of FM in a folder within a folder."""
    path = tmp_path_factory.mktemp("presets")
    task = make_task("FM-v0")
    for i, unit in enumerate(task.make_patches(PatchStream("pool", 7).ids(range(40))).unit):
        task.synth.save_preset(task.space.to_native(unit), path / "more" / f"{i}.json")
    return path


def nearest(unit: Any, presets: Any) -> Any:
    """The preset that each of the unit vectors (B, n) is nearest to, and how far."""
    apart = np.abs(unit[:, None] - presets[None]).mean(axis=2)
    return apart.argmin(axis=1), apart.min(axis=1)


def test_people_s_patches_are_the_default_where_the_synth_knows_them() -> None:
    for env_id, name in (("Dexed1Op-v0", "human"), ("Dexed6Op-v0", "human"), ("FM-v0", "uniform")):
        assert synth_env(gym.make(env_id)).task.prior.describe()["patches"] == name
    human, uniform = (SoundMatchingTask("dexed", operators=6, patches=name) for name in ("human", "uniform"))
    for name in STREAMS:
        ids = PatchStream(name, 3).ids(range(5))
        assert not np.array_equal(human.make_patches(ids).unit, uniform.make_patches(ids).unit)
    by_people, by_chance = (
        task.make_patches(PatchStream("train", 0).ids(range(60))) for task in (human, uniform)
    )
    assert by_people.renders.mean() < 1.5, "nearly all are audible"

    def detuned(patches: Any) -> float:
        native = human.space.to_native(patches.unit)
        return float(np.abs(native[:, human.space.index("OP1 OSC DETUNE")] - 7).mean())

    assert detuned(by_people) < 0.7 * detuned(by_chance)


def test_patches_of_people_are_the_same_in_any_batch() -> None:
    task, other = (SoundMatchingTask("dexed", operators=6) for _ in range(2))
    ids = PatchStream("train", 1).ids(range(20))
    together = task.make_patches(ids).unit
    for i in (3, 11):
        np.testing.assert_array_equal(other.make_patches([ids[i]]).unit[0], together[i])


def test_a_folder_s_patches_are_made_of_its_presets(folder: Path) -> None:
    task = SoundMatchingTask("fm", patches=str(folder))
    assert isinstance(task.prior, Presets)
    presets = task.prior.unit
    assert len(presets) == 40
    held_out = task.prior.held_out
    assert held_out.sum() == 4

    streams: dict[str, list[PatchId]] = {name: PatchStream(name, 0).ids(range(200)) for name in STREAMS}
    streams["test"] = HeldOutStream().ids(range(HELD_OUT - 100, HELD_OUT))
    for name, ids in streams.items():
        measures = name in ("validation", "test")
        for side in present(task.prior.job(ids).among):
            np.testing.assert_array_equal(side, presets[held_out == measures])
        which, apart = nearest(task.make_patches(ids).unit, presets)
        assert 0.02 < np.median(apart) < 0.2
        # The nearest are variations of one; now and then one is nearer to another preset than to its own.
        share = held_out[which[np.argsort(apart)[: len(ids) // 4]]].mean()
        assert share > 0.6 if measures else share < 0.2, (name, share)


@given(st.integers(0, 2**32), st.integers(1, 50))
def test_a_crossing_has_a_run_of_one_and_the_rest_of_another(seed: int, count: int) -> None:
    one, other = np.zeros(count, np.float32), np.ones(count, np.float32)
    child = crossed(one, other, np.random.default_rng(seed))
    assert set(child) <= {0, 1}
    assert count == 1 or len(set(child)) == 2
    assert (child != np.roll(child, 1)).sum() <= 2


@pytest.mark.parametrize("count", [2, 3, 16, 60])
def test_of_several_presets_some_are_held_out(count: int) -> None:
    """However few, and whatever their values: no target of a test is of a preset that is trained on."""
    for seed in range(30):
        held_out = Presets(np.random.default_rng(seed).random((count, 4), np.float32)).held_out
        assert held_out.sum() == max(1, round(count / 10))


def test_presets_that_are_silent_are_passed_over_for_others() -> None:
    """As the programs that a synth brings, which nobody has rendered."""
    task = SoundMatchingTask("dexed", operators=1, patches="uniform")
    level = task.space.names.index("OP1 OUTPUT LEVEL")
    presets = np.repeat(task.space.to_unit(task.space.row({}))[None], 4, axis=0)
    presets[1:, level] = 0
    task.prior = Presets(presets)
    made = task.make_patches(PatchStream("train", 0).ids(range(20)))
    assert made.renders.max() > 1
    assert all(map(audible, present(task.render(made.unit, audio=True).audio)))


def test_environments_play_the_presets_of_a_folder(folder: Path) -> None:
    env = gym.make("FM-v0", patches=str(folder))
    envs = gym.make_vec("FM-v0", 3, patches=str(folder))
    first = env.reset(seed=4)[0]
    np.testing.assert_array_equal(envs.reset(seed=4)[0][0], first)
    prior = synth_env(env).task.prior
    assert isinstance(prior, Presets)
    assert nearest(synth_env(env).parameters[None], prior.unit)[1] < 0.15


def test_a_set_of_a_folder_is_split_by_preset(folder: Path, tmp_path: Path) -> None:
    made = recipe(env_kwargs={"patches": str(folder)}).random(120)
    datasets.make(tmp_path / "set", made, progress=False)
    split = datasets.load(tmp_path / "set").split[:]
    np.testing.assert_array_equal(split[:40], split[40:80])
    assert 0 < split[:40].sum() < 15


def test_a_set_of_a_folder_leaves_out_the_test_patches_of_the_folder(tmp_path: Path) -> None:
    """Of few combinations, so that items meet test patches."""
    task = SoundMatchingTask("dexed", operators=1)
    rows = task.space.to_native(task.make_patches(PatchStream("pool", 0).ids(range(6))).unit)
    for i, row in enumerate(rows):
        task.synth.save_preset(row, tmp_path / "presets" / f"{i}.syx")
    free: dict[str, Any] = {"parameters": ["FEEDBACK", "TRANSPOSE"], "frozen": {"OP1 OUTPUT LEVEL": 99}}
    for number, patches in enumerate((None, str(tmp_path / "presets"))):
        env_kwargs = free if patches is None else {**free, "patches": patches}
        made = recipe("Dexed1Op-v0", env_kwargs=env_kwargs)
        if patches is None:
            made.presets(tmp_path / "presets", jitter=0.1, size=60)
        else:
            made.random(60)
        datasets.make(tmp_path / str(number), made, progress=False)
        kept = datasets.load(tmp_path / str(number))
        folder = SoundMatchingTask("dexed", operators=1, patches=str(tmp_path / "presets"), **(free | SHORT))
        held_out = folder.make_patches(HeldOutStream().ids(range(60))).unit
        met = (kept.parameters[:][:, None] == held_out[None]).all(axis=2).any()
        assert not met
        assert [one["patches"] for one in kept.manifest["held_out"]][-1] == "presets"


def test_one_preset_serves_all_streams(tmp_path: Path) -> None:
    task = make_task("FM-v0")
    task.synth.save_preset(task.space.to_native(np.full(6, 0.5, np.float32)), tmp_path / "one.json")
    one = SoundMatchingTask("fm", patches=str(tmp_path))
    train, validation = (one.make_patches(PatchStream(s, 0).ids(range(5))).unit for s in STREAMS[:2])
    assert np.abs(train - 0.5).mean() < 0.15
    assert np.abs(validation - 0.5).mean() < 0.15
    assert not np.array_equal(train, validation)


@pytest.mark.parametrize(
    ("env_id", "patches", "message"),
    [
        (
            "FM-v0",
            "humna",
            "or the name of a folder of presets; got 'humna', which is no folder",
        ),
        ("FM-v0", "human", "not known what patches people make with this synth; give patches='uniform'"),
        ("FM-v0", 3, "got 3"),
        ("Dexed1Op-v0", "EMPTY", "holds no audible preset of this synth (.dx7, .json, .mid, .midi, .syx)"),
    ],
)
def test_bad_patches_are_refused(env_id: str, patches: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SynthgymError) as caught:
        gym.make(env_id, patches=str(tmp_path) if patches == "EMPTY" else patches)
    assert message in str(caught.value)


@pytest.mark.slow
def test_scripts_take_patches(folder: Path, tmp_path: Path, script: Script) -> None:
    make = ("make_dataset.py", "--env", "FM-v0", "--out")
    script(*make, "uniform", "--size", 5, "--patches", "uniform")
    script(*make, "set", "--patches", folder, "--jitter", 0.1, "--size", 50)
    assert datasets.load(tmp_path / "set").manifest["source"]["kind"] == "presets"
    refused = script(*make, "x", "--size", 5, "--patches", "human", check=False)
    assert refused.returncode == 2
    assert "not known what patches people make" in refused.stderr
    script(
        *("evaluate.py", "--env", "FM-v0", "--agents", "random", "--targets", "test:2", "--budgets", 2),
        *("--env-kwargs", f"patches={folder}", "--out", "results"),
    )
