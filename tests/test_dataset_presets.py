"""Data sets of presets and their variations."""

from pathlib import Path

import numpy as np
import pytest
from conftest import make_task
from small_sets import recipe, small_blocks  # noqa: F401, fixtures

from synthgym import datasets
from synthgym.patches import HELD_OUT, HeldOutStream, PatchStream
from synthgym.synths import dx7_parameters, dx7_voice


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty voices in a bank, single voices and a packed file, two of them the same, one silent."""
    folder = tmp_path_factory.mktemp("banks")
    task = recipe("Dexed6Op-v0").task

    units = task.make_patches(PatchStream("pool", 5).ids(range(70))).unit
    rows = task.space.to_native(units)
    from dexed import Patch

    packed = [Patch.from_sysex(dx7_parameters.voice_bytes(row) + b"\x3f").to_packed() for row in rows]
    (folder / "bank.syx").write_bytes(b"".join(packed[:32]))
    (folder / "more").mkdir()
    (folder / "more" / "packed.dx7").write_bytes(b"".join(packed[32:69]))
    dx7_voice.write_syx(folder / "a single.syx", rows[69])
    dx7_voice.write_syx(folder / "again.SYX", rows[69])
    dx7_voice.write_syx(
        folder / "silent.syx", task.space.row({f"OP{i} OUTPUT LEVEL": 0 for i in range(1, 7)})
    )
    (folder / "broken.syx").write_bytes(b"no voice")
    (folder / "read me.txt").write_text("not a preset")
    return folder


def test_sets_of_presets(tmp_path: Path, banks: Path) -> None:
    made = recipe("Dexed6Op-v0").presets(banks, jitter=0.05, size=210, seed=3)
    assert made.source.describe()["presets"] == 70
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    units, split = kept.parameters[:], kept.split[:]
    first = made.task.space.to_native(units[0])
    np.testing.assert_array_equal(first, dx7_voice.read_voices(banks / "a single.syx")[0].native)
    # Variations are near their voice, other voices are not; and on its side of the split.
    distances = np.abs(units[70:140, None] - units[None, :70]).mean(axis=2)
    assert (distances.argmin(axis=1) == np.arange(70)).all()
    assert (distances.min(axis=1) > 0).all()
    assert np.median(distances.min(axis=1)) < 0.06
    np.testing.assert_array_equal(split[:70], split[70:140])
    assert 0 < split[:70].sum() < 20
    datasets.make(tmp_path / "other", recipe("Dexed6Op-v0").presets(banks), progress=False)
    np.testing.assert_array_equal(datasets.load(tmp_path / "other").parameters[:], units[:70])


def test_presets_of_any_synth(tmp_path: Path) -> None:
    task = make_task("FM-v0")
    for i in range(3):
        row = task.space.to_native(np.full(6, 0.3 + 0.1 * i, np.float32))
        task.synth.save_preset(row, tmp_path / "presets" / f"{i}.json")
    made = recipe().presets(tmp_path / "presets")
    datasets.make(tmp_path / "set", made, progress=False)
    np.testing.assert_allclose(datasets.load(tmp_path / "set").parameters[:, 0], [0.3, 0.4, 0.5], atol=1e-6)


def test_the_last_test_patch_is_none_of_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests leave out fewer of them, as that is faster."""
    monkeypatch.setattr("synthgym.datasets.making.HELD_OUT", HELD_OUT)
    made = recipe()
    units = made.task.make_patches(HeldOutStream().ids([HELD_OUT - 1])).unit
    (row,) = made.task.space.to_native(units)
    made.task.synth.save_preset(row, tmp_path / "presets" / "test patch.json")
    made.presets(tmp_path / "presets", jitter=0.1, size=3)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert len(kept) == 3
    assert (kept.parameters[:] != units).any(axis=1).all()
    assert kept.cost() > 1
    assert datasets.make(tmp_path / "set", made, progress=False, verify=True) == 0, (
        "the others tell that it is ours"
    )
