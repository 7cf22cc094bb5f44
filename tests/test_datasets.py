"""What data sets hold: items that are a function of their number alone, and no test patch."""

from pathlib import Path

import numpy as np
import pytest
from conftest import TABLE_IDS, make_task, present
from small_sets import FEATURES, files, recipe, reference_set, small_blocks  # noqa: F401, fixtures

from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.patches import AUDIBLE_PEAK, HeldOutStream
from synthgym.task import SoundMatchingTask


@pytest.mark.parametrize("env_id", TABLE_IDS)
def test_every_environment_makes_audible_sets_free_of_test_patches(env_id: str, tmp_path: Path) -> None:
    made = recipe(env_id, audio=True, dtype="float32", env_kwargs={"duration": 0.5, "hold": 0.3}).random(20)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert len(kept) == 20
    task = made.task
    rendered = task.render(kept.parameters[:], audio=True)
    np.testing.assert_array_equal(present(kept.audio)[:], rendered.audio)
    for name, features in zip(FEATURES, rendered.features, strict=True):
        np.testing.assert_array_equal(kept.features[name][:], features)
    assert (np.abs(present(kept.audio)[:]).max(axis=1) >= AUDIBLE_PEAK).all()
    assert (kept.renders[:] >= 1).all()
    held_out = task.make_patches(HeldOutStream().ids(range(50))).unit
    rows = {row.tobytes() for row in task.space.to_native(held_out)}
    assert rows.isdisjoint(row.tobytes() for row in task.space.to_native(kept.parameters[:]))


@pytest.mark.parametrize(("rendering", "workers"), [("threads", 2), ("processes", 2), ("threads", 5)])
def test_any_number_of_workers_makes_the_same_bytes(
    reference: Path, tmp_path: Path, rendering: str, workers: int | None
) -> None:
    datasets.make(
        tmp_path / "set", recipe(rendering=rendering, workers=workers).random(600, seed=1), progress=False
    )
    assert files(tmp_path / "set") == files(reference)


def test_items_depend_on_seed_and_number_only(reference: Path, tmp_path: Path) -> None:
    datasets.make(tmp_path / "set", recipe(features=["mfcc-13"]).random(300, seed=1), progress=False)
    datasets.make(tmp_path / "other", recipe(features=["mfcc-13"]).random(300, seed=2), progress=False)
    full, part, other = map(datasets.load, (reference, tmp_path / "set", tmp_path / "other"))
    np.testing.assert_array_equal(full.parameters[:300], part.parameters[:])
    np.testing.assert_array_equal(full.features["mfcc-13"][:300], part.features["mfcc-13"][:])
    assert not (full.parameters[:300] == other.parameters[:]).all(axis=1).any()


def test_a_set_grows_to_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    # A block that was not whole is made again.
    for size, made in [(100, 100), (256, 256), (400, 144), (600, 344)]:
        assert datasets.make(folder, recipe().random(size, seed=1), progress=False) == made
        assert len(datasets.load(folder)) == size
    assert files(folder) == files(reference)
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) == 0


def test_the_split_is_stable_and_about_a_tenth(reference: Path) -> None:
    split = datasets.load(reference).split[:]
    source = datasets.Random(100_000, seed=1)
    large = source.split(0, 100_000)
    np.testing.assert_array_equal(split, large[:600])
    np.testing.assert_array_equal(source.split(77, 1234), large[77:1234])
    assert 0.09 < (large == 1).mean() < 0.11
    assert set(large) == {0, 1}
    assert (datasets.Random(100_000, seed=2).split(0, 1000) != large[:1000]).any()


def test_human_like_items_are_a_function_of_seed_and_number(tmp_path: Path) -> None:
    recipe = datasets.Recipe("Dexed2Op-v0", env_kwargs={"duration": 0.1, "hold": 0.1}, rendering="inline")
    source = recipe.human_like(600).source
    task = recipe.task
    assert isinstance(source, datasets.HumanLike)
    some = present(source.job(task, 0, 600, frozenset()).near)
    np.testing.assert_array_equal(present(source.job(task, 250, 270, frozenset()).near), some[250:270])
    other = datasets.HumanLike(task, 600, seed=1).job(task, 0, 20, frozenset()).near
    assert (present(other) != some[:20]).any()
    algorithm = task.space.to_native(some)[:, -1]
    assert (algorithm == 17).all(), "the environment's own"
    datasets.make(tmp_path / "whole", recipe.human_like(60), progress=False)
    datasets.make(tmp_path / "grown", recipe.human_like(40), progress=False)
    datasets.make(tmp_path / "grown", recipe.human_like(60), progress=False)
    whole, grown = (datasets.load(tmp_path / name) for name in ("whole", "grown"))
    np.testing.assert_array_equal(whole.parameters[:], grown.parameters[:])
    np.testing.assert_array_equal(whole.features["multiresolution"][:], grown.features["multiresolution"][:])
    itself = (whole.parameters[:] == some[:60]).all(axis=1)
    assert itself.mean() > 0.5, "most are rendered as they were made"
    with pytest.raises(SynthgymError, match="not known what patches people make with FMSynth"):
        datasets.Recipe("FM-v0").human_like(10)


def test_a_grid_is_every_combination_once_with_a_tenth_for_validation(tmp_path: Path) -> None:
    free = [p.name for p in make_task("FM-v0").space.free][:3]
    made = recipe(env_kwargs={"parameters": free}).grid(5)
    assert datasets.make(tmp_path / "set", made, progress=False) == 125
    kept = datasets.load(tmp_path / "set")
    levels = np.linspace(0, 1, 5)
    expected = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(kept.parameters[:], expected, atol=1e-3)
    assert 0 < len(kept.torch(split="validation")) < 25
    assert len(kept.torch()) + len(kept.torch(split="validation")) == 125
    large = recipe().grid(11).source
    sides = large.split(0, 100_000)
    assert 0.09 < (sides == 1).mean() < 0.11
    np.testing.assert_array_equal(large.split(77, 1234), sides[77:1234])
    np.testing.assert_array_equal(kept.split[:], sides[:125])
    rendered = made.task.render(kept.parameters[100:110])
    np.testing.assert_array_equal(
        kept.features["multiresolution"][100:110], rendered.features[0].astype(np.float16)
    )


def test_a_grid_of_few_values_has_no_more_than_there_are() -> None:
    made = recipe("Dexed6Op-v0", env_kwargs={"parameters": ["FEEDBACK", "ALGORITHM", "OP1 F FINE"]}).grid(11)
    assert made.source.size == 8 * 11 * 11
    assert recipe().grid(11).source.size == 1_771_561


# So few combinations that many are test patches.
TINY = {"parameters": ["TRANSPOSE", "FEEDBACK"], "frozen": {"OP1 OUTPUT LEVEL": 99}}


@pytest.fixture
def half_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test patches that are some of 392 combinations."""
    for module in ("synthgym.patches", "synthgym.datasets.making"):
        monkeypatch.setattr(f"{module}.HELD_OUT", 200)


def held_out_rows(task: SoundMatchingTask) -> set[bytes]:
    units = task.make_patches(HeldOutStream().ids(range(200))).unit
    return {row.tobytes() for row in task.space.to_native(units)}


def test_no_test_patch_ever_enters_a_random_set(tmp_path: Path, half_held_out: None) -> None:
    made = recipe("Dexed1Op-v0", env_kwargs=TINY).random(300)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    rows = {row.tobytes() for row in made.task.space.to_native(kept.parameters[:])}
    held_out = held_out_rows(made.task)
    assert len(held_out) > 100
    assert held_out.isdisjoint(rows)
    patches = made.task.make_patches(datasets.Random(300).job(made.task, 0, 300, frozenset()).ids).unit
    met = np.array([row.tobytes() in held_out for row in made.task.space.to_native(patches)])
    assert 50 < met.sum() < 250
    np.testing.assert_array_equal(kept.parameters[:][~met], patches[~met])
    rendered = made.task.render(kept.parameters[:]).features[0]
    np.testing.assert_array_equal(kept.features["multiresolution"][:], rendered.astype(np.float16))


def test_test_patches_are_left_out_of_a_grid(tmp_path: Path, half_held_out: None) -> None:
    made = recipe("Dexed1Op-v0", env_kwargs=TINY).grid(49)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    held_out = held_out_rows(made.task)
    left_out = kept.split[:] == 2
    assert left_out.sum() == len(held_out)
    assert not kept.features["multiresolution"][:][left_out].any()
    assert len(kept.torch()) + len(kept.torch(split="validation")) == (~left_out).sum()
    rows = {row.tobytes() for row in made.task.space.to_native(kept.parameters[:][~left_out])}
    assert held_out.isdisjoint(rows)
