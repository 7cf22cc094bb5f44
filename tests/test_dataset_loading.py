"""Reading data sets."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_sets import copied_set, recipe, reference_set, small_blocks  # noqa: F401, fixtures
from torch.utils.data import DataLoader

from synthgym import datasets
from synthgym.datasets.manifest import MANIFEST, OF_A_SET
from synthgym.errors import PresetError, SynthgymError


def test_an_unfinished_set_has_no_pairs(tmp_path: Path, reference: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(reference, folder)
    for array in ("split", "parameters"):
        shard = folder / array / "c" / "1"
        (shard if shard.is_file() else shard / "0").unlink()
    kept = datasets.load(folder)
    assert (kept.split[256:512] == 2).all()
    assert len(kept.torch()) + len(kept.torch(split="validation")) == 600 - 256


def test_reading(reference: Path) -> None:
    kept = datasets.load(reference)
    frame = kept.frame(10, 20)
    assert list(frame.columns) == list(kept.space.names)
    assert list(frame.index) == list(range(10, 20))
    np.testing.assert_allclose(frame.to_numpy(), kept.native(10, 20))
    assert len(kept.frame()) == 600
    assert kept.audio is None
    shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in kept.features.items())
    about = f"600 items of {kept.manifest['env']}, {len(kept.space)} parameters; note 60, velocity 100, hold "
    assert repr(kept) == f"<DataSet {reference}: {about}{kept.note.hold}; {shapes}>"
    train, validation = kept.torch("mfcc-13"), kept.torch("mfcc-13", "validation")
    assert len(train) + len(validation) == 600
    numbers = np.flatnonzero(kept.split[:] == 1)
    features, parameters = validation[3]
    np.testing.assert_array_equal(features.numpy(), kept.features["mfcc-13"][int(numbers[3])])
    np.testing.assert_array_equal(parameters.numpy(), kept.parameters[int(numbers[3])])
    with pytest.raises(IndexError):
        validation[len(validation)]
    loader = DataLoader(train, batch_size=100, shuffle=True, num_workers=2)
    seen = np.concatenate([batch[1].numpy() for batch in loader])
    everything = kept.parameters[:][kept.split[:] == 0]
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(everything, axis=0))


def test_items_are_numbered_as_python_counts(reference: Path) -> None:
    dataset = datasets.load(reference)
    assert list(dataset.frame(-3, -1).index) == [597, 598]
    assert list(dataset.frame(598, 9000).index) == [598, 599]
    assert len(dataset.frame(5, 2)) == 0
    with pytest.raises(TypeError):
        dataset.features["multiresolution"][0:1.5]


def test_what_is_in_the_way_is_named(copied: Path) -> None:
    shard = copied / "renders/c/0"
    shard.unlink()
    shard.mkdir()
    with pytest.raises(SynthgymError, match=r"Is a directory; remove .*renders/c/0, or choose another"):
        datasets.make(copied, recipe().random(600, seed=1), progress=False)


def test_a_manifest_says_what_the_set_is_and_how_its_task_sounds() -> None:
    for env_id in ("FM-v0", "Granulator-v0", "Dexed6Op-v0"):
        made = recipe(env_id).random(2)
        assert {*made.manifest()} - {*OF_A_SET} == {*made.task.identity()}


def test_a_set_with_a_setting_that_the_task_has_not_is_refused(copied: Path) -> None:
    """As one of Dexed's plugin, a bundle, whose files are not listed, for a task of the engine."""
    task = recipe().task
    datasets.load_for(task, copied)
    manifest = json.loads((copied / MANIFEST).read_text())
    (copied / MANIFEST).write_text(json.dumps({**manifest, "plugin": True}))
    with pytest.raises(SynthgymError, match="with plugin True, not False; make one"):
        datasets.load_for(task, copied)


def test_a_frame_names_categories(tmp_path: Path) -> None:
    names = ["ALGORITHM", "OP1 MODE", "OP1 F FINE", "OP1 F COARSE"]
    made = recipe("Dexed6Op-v0", env_kwargs={"parameters": names}).random(20)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert list(kept.frame().columns) == names
    for row, unit in zip(kept.frame().itertuples(index=False), kept.parameters[:], strict=True):
        described = made.task.space.describe(made.task.space.to_native(unit))
        texts = {p["name"]: p["text"] for p in described}
        assert [str(value) for value in row] == [texts[name] for name in names]


def test_the_manifest_says_it_all(reference: Path) -> None:
    manifest = json.loads((reference / "manifest.json").read_text())
    assert manifest["env"] == "FM-v0"
    assert manifest["source"] == {"kind": "random", "seed": 1, "patches": "uniform"}
    assert manifest["size"] == 600
    assert {"synthgym", "dawdreamer", "numpy", "zarr"} <= set(manifest["versions"])
    assert [file["name"] for file in manifest["files"]] == ["fm.dsp"]
    assert manifest["repeatable"]
    assert [p["low"] for p in manifest["parameters"]][:1] == [0]
    assert manifest["features"]["mfcc-13"]["shape"][1] == 13


def test_what_is_no_set_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nope"):
        with pytest.raises(SynthgymError, match="is no data set"):
            datasets.load(path)
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(SynthgymError, match=r"cannot read .*manifest\.json: Is a directory"):
        datasets.load(tmp_path)
    with pytest.raises(PresetError, match="holds no audible preset"):
        recipe().presets(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"size": float("nan")}, "it holds NaN"),
        ({"parameters": [{"low": float("inf")}]}, "it holds Infinity"),
        ({"size": 0}, "size must be a whole number"),
        ({"block": 2.5}, "block must be a whole number"),
        ({"features": ["multiresolution"]}, r"features is \['multiresolution'\]"),
        ({"features": {}}, "it names no feature"),
        ({"parameters": [{"name": "attack"}]}, "the parameters in its manifest"),
        ({"format": 2}, "of format 2; this version of synthgym reads 1"),
        ({"env": None}, "env is None"),
        ({"env": "\ud800"}, "surrogates not allowed"),
        (
            {"parameters": [{"name": "a", "kind": "continuous", "low": 0, "high": 10**400, "default": 0}]},
            "the parameters in its manifest",
        ),
    ],
)
def test_a_damaged_manifest_is_named(copied: Path, change: dict[str, Any], says: str) -> None:
    file = copied / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(manifest | change), encoding="utf-8")
    with pytest.raises(SynthgymError, match=says):
        datasets.load(copied)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'{"size": 1', b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_none_is_named(copied: Path, text: bytes) -> None:
    (copied / "manifest.json").write_bytes(text)
    with pytest.raises(SynthgymError, match=r"set is no data set: its manifest\.json"):
        datasets.load(copied)


FEATURE = ("features", "multiresolution")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: shutil.rmtree(f / "split"), "has no array split yet"),
        (
            lambda f: (f.joinpath(*FEATURE) / "zarr.json").unlink(),
            "has no array features/multiresolution yet",
        ),
        (lambda f: (f / "renders" / "zarr.json").write_text("{}"), "the array renders is damaged"),
        (lambda f: (f / "renders" / "zarr.json").write_text("[]"), "the array renders is damaged"),
        (
            lambda f: (f.joinpath(*FEATURE) / "c/1/0/0").unlink(),
            "features/multiresolution/c/1/0/0 is missing or empty",
        ),
        (lambda f: (f.joinpath(*FEATURE) / "c/2/0/0").write_bytes(b""), "c/2/0/0 is missing or empty"),
        (lambda f: (f / "split/c/0").write_bytes(b""), "split/c/0 is missing or empty"),
        (
            lambda f: [(f / "renders/c/0").unlink(), (f / "renders/c/0").mkdir()],
            "renders/c/0 is missing or empty",
        ),
    ],
)
def test_a_damaged_array_is_named(copied: Path, damage: Callable[[Path], object], says: str) -> None:
    damage(copied)
    with pytest.raises(SynthgymError, match=rf"set.*{says}.*give the command that makes it again"):
        datasets.load(copied)


def test_a_set_that_is_to_be_larger_than_it_is_is_named(copied: Path) -> None:
    """As a kill leaves a set that was to grow."""
    file = copied / "manifest.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"size": 600', '"size": 900'), encoding="utf-8")
    with pytest.raises(
        SynthgymError, match="is to hold 900 items, but its array parameters has room for 600"
    ):
        datasets.load(copied)


def changed(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_an_array_of_another_size_than_the_manifest_says_is_named(copied: Path) -> None:
    metadata = json.loads((copied / "parameters/zarr.json").read_text())
    changed(copied / "parameters/zarr.json", shape=[metadata["shape"][0], 10**12])
    with pytest.raises(SynthgymError, match="array parameters are of another size than its manifest"):
        datasets.load(copied)


def test_blocks_of_another_size_than_the_manifest_says_are_named(copied: Path) -> None:
    changed(copied / MANIFEST, block=1)
    with pytest.raises(SynthgymError, match=r"blocks of its array .* are of another size"):
        datasets.load(copied)


def test_going_on_gives_an_array_of_an_absurd_size_its_own(copied: Path, reference: Path) -> None:
    file, good = copied / "renders/zarr.json", (reference / "renders/zarr.json").read_bytes()
    for values in ({"shape": [2**62]}, {"fill_value": 7}, {"data_type": "int64"}):
        changed(file, **values)
        assert datasets.make(copied, recipe().random(600, seed=1), progress=False) == 0
        assert file.read_bytes() == good
