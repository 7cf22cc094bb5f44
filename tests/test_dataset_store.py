"""Data sets on disk: however often they are stopped or damaged, they end with the same bytes."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Script, interrupted, read_until, started
from small_sets import SHORT, copied_set, files, recipe, reference_set, small_blocks  # noqa: F401, fixtures

from synthgym import datasets
from synthgym.datasets.made import INDEX, Made
from synthgym.datasets.missing import Missing
from synthgym.datasets.splits import TRAIN_SPLIT, VALIDATION_SPLIT
from synthgym.datasets.store import Store
from synthgym.errors import SynthgymError

resource = pytest.importorskip("resource", reason="limits are of POSIX")

DAMAGES = {
    "a byte flipped": lambda p: p.write_bytes(
        bytes(b ^ (i == len(p.read_bytes()) // 2) for i, b in enumerate(p.read_bytes()))
    ),
    "half written": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "empty": lambda p: p.write_bytes(b""),
    "zeros": lambda p: p.write_bytes(bytes(p.stat().st_size)),
    "its index damaged": lambda p: p.write_bytes(p.read_bytes()[:-1] + b"?"),
    "missing": lambda p: p.unlink(),
    "left over": lambda p: p.with_suffix(".0.partial").write_bytes(b"x"),
}

OF_THE_SAME_SIZE = ("a byte flipped", "zeros", "its index damaged")
"""These are found where everything is read."""


@pytest.mark.parametrize("array", ["features/multiresolution", "split"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_chunks_are_found_and_made_again(
    copied: Path, reference: Path, array: str, damage: str
) -> None:
    for block, size in ((1, 256), (2, 88)):
        shard = copied / array / "c" / str(block)
        shard = next(p for p in (shard, shard / "0", shard / "0" / "0") if p.is_file())
        DAMAGES[damage](shard)
        again = datasets.make(
            copied, recipe().random(600, seed=1), progress=False, verify=damage in OF_THE_SAME_SIZE
        )
        assert again == (0 if damage == "left over" else size)
    assert files(copied) == files(reference)


def test_what_is_made_is_known_by_the_index_and_read_only_if_asked_for(copied: Path, reference: Path) -> None:
    shard = copied / "features" / "multiresolution" / "c" / "1" / "0" / "0"
    DAMAGES["a byte flipped"](shard)
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False) == 0
    assert files(copied) != files(reference), "nobody read it"
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False, verify=True) == 256
    assert files(copied) == files(reference)


def test_what_is_found_damaged_is_forgotten_at_once(copied: Path) -> None:
    """What comes next may be interrupted before the block is made again."""
    DAMAGES["a byte flipped"](copied / "features" / "multiresolution" / "c" / "1" / "0" / "0")
    settings = recipe().random(600, seed=1)
    with Store(copied, settings) as store:
        assert store.is_recorded(256, 512)
        assert [*Missing(store, settings, progress=False, verify=True)] == [(256, 512)]
        assert [store.is_recorded(*store.span(number)) for number in range(store.blocks)] == [
            True,
            False,
            True,
        ]


def _files_of_block(folder: Path, array: str, block: int) -> Path:
    """The folder or file of a block of an array, which holds nothing else."""
    return folder / array / "c" / str(block)


def _moved(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)


@pytest.mark.parametrize("array", ["split", "parameters", "features/mfcc-13"])
def test_blocks_in_the_place_of_another_are_found_and_made_again(
    copied: Path, reference: Path, array: str
) -> None:
    for block, other in ((0, 1), (1, 0)):
        _moved(_files_of_block(reference, array, other), _files_of_block(copied, array, block))
    assert files(copied) != files(reference)
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False, verify=True) == 512
    assert files(copied) == files(reference)


def test_blocks_of_another_set_are_found_and_made_again(
    copied: Path, reference: Path, tmp_path: Path
) -> None:
    """As by a copy of one set over another that was stopped halfway."""
    other = tmp_path / "other"
    datasets.make(other, recipe().random(256, seed=2), progress=False)
    for array in ("parameters", "split", "renders", "features/multiresolution", "features/mfcc-13"):
        _moved(_files_of_block(other, array, 0), _files_of_block(copied, array, 0))
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False) == 256, "sizes tell it, too"
    assert files(copied) == files(reference)


@pytest.mark.parametrize("damage", ["a byte flipped", "half written", "missing"])
def test_where_the_index_is_damaged_the_blocks_are_read(copied: Path, reference: Path, damage: str) -> None:
    DAMAGES[damage](copied / INDEX)
    DAMAGES["a byte flipped"](copied / "features" / "multiresolution" / "c" / "1" / "0" / "0")
    again = datasets.make(copied, recipe().random(600, seed=1), progress=False)
    assert again == 256
    assert files(copied) == files(reference)


def test_an_index_of_another_block_or_size_says_nothing(tmp_path: Path) -> None:
    with Made(tmp_path, 2, 3) as made:
        made.record(1, 256, [10, 20])
        assert [made.says(block) for block in range(4)] == [None, [256, 10, 20], None, None]
        row = (tmp_path / INDEX).read_bytes()[32:64]
        (tmp_path / INDEX).write_bytes(row * 3)
        assert [made.says(block) for block in range(3)] == [None, [256, 10, 20], None]
        made.forget(1)
        assert made.says(1) is None


SCRIPT = ROOT / "scripts" / "make_dataset.py"
COMMAND = ["--env", "Dexed1Op-v0", "--size", "6000", "--features", "pooled-logmel", "--env-kwargs"]
COMMAND += [f"{name}={value}" for name, value in SHORT.items()]


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    begun = time.monotonic()
    subprocess.run([sys.executable, SCRIPT, *COMMAND, "--out", whole], check=True, capture_output=True)
    seconds = time.monotonic() - begun
    command = [SCRIPT, *COMMAND, "--out", killed, "--backend", "processes"]
    kills = 0
    for share in (0.2, 0.4, 0.6, 0.8, None):
        with started(*command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as making:
            try:
                assert making.wait(share and share * seconds) == 0
            except subprocess.TimeoutExpired:
                kills += 1  # at the end of the block
    assert kills >= 2
    assert files(killed) == files(whole)


@pytest.mark.parametrize("moment", ["before the manifest", "before an array", "before a group's json"])
def test_killed_while_it_opens(tmp_path: Path, reference: Path, moment: str) -> None:
    """What a kill between two files leaves behind."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "manifest.json.partial").write_text("{")
    if moment != "before the manifest":
        shutil.copy(reference / "manifest.json", folder)
        shutil.copy(reference / "zarr.json", folder)
    if moment == "before a group's json":
        shutil.copytree(reference / "features" / "multiresolution", folder / "features" / "multiresolution")
    datasets.make(folder, recipe().random(600, seed=1), progress=False)
    assert files(folder) == files(reference)


ENDLESS = [SCRIPT, "--env", "FM-v0", "--size", "1000000"]
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def test_interrupted_it_says_so(tmp_path: Path) -> None:
    code, _, errors = interrupted(SCRIPT.name, *ENDLESS[1:], "--out", tmp_path / "set", after="making")
    assert code == 130
    assert errors.splitlines()[-1].endswith("interrupted")
    assert "Traceback" not in errors


def test_a_second_writer_is_refused_and_a_killed_one_blocks_nobody(tmp_path: Path, script: Script) -> None:
    folder = tmp_path / "set"
    with started(*ENDLESS, "--out", folder, **PIPES) as making:
        read_until(making.stderr, "making")
        done = script(SCRIPT.name, *ENDLESS[1:], "--out", folder, check=False)
        assert done.returncode == 2
        says = "is being written by another command; wait for its end, or choose another folder"
        assert done.stderr == f"error: {folder} {says}\n"
        assert making.poll() is None
    with started(*ENDLESS, "--out", folder, **PIPES) as making:
        read_until(making.stderr, "making")


def test_a_second_writer_removes_nothing_of_the_first(copied: Path, reference: Path) -> None:
    partial = copied / "split" / "c" / "7.partial"
    with Store(copied, recipe().random(600, seed=1)):
        partial.write_bytes(b"half a block of the first")
        with pytest.raises(SynthgymError, match="is being written by another command"):
            datasets.make(copied, recipe().random(600, seed=1), progress=False)
        assert partial.exists()
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False) == 0
    assert files(copied) == files(reference)


@pytest.mark.parametrize("array", ["features/multiresolution", "split", "features", "."])
@pytest.mark.parametrize("text", [None, "", "[]", '{"node_type": "array", "shape": ['])
def test_a_damaged_zarr_json_is_written_again(
    copied: Path, reference: Path, array: str, text: str | None
) -> None:
    """Nothing is lost by it, as it follows from the recipe."""
    file = copied / array / "zarr.json"
    file.unlink()
    if text is not None:
        file.write_text(text)
    assert datasets.make(copied, recipe().random(600, seed=1), progress=False) == 0
    assert files(copied) == files(reference)


def test_a_block_half_of_whose_arrays_are_written_is_left_out(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill between two of them leaves it: its features would be read as zeros."""
    (copied / "features" / "multiresolution" / "c" / "1" / "0" / "0").unlink()
    store = Store(copied, recipe().random(600, seed=1))
    block = {name: array[256:512] for name, array in store._arrays.items()}

    class Killed(BaseException):
        """Ends the writing of a block before its features."""

    class Full:
        """An array that cannot be written."""

        def __setitem__(self, key: Any, value: Any) -> None:
            raise Killed

    store._arrays["features/multiresolution"] = Full()
    with pytest.raises(Killed):
        store.write(256, block)
    store.close()
    kept = datasets.load(copied)
    assert (kept.split[256:512] == 2).all()
    assert (kept.split[:256] != 2).all()


def test_a_grid_of_an_older_version_goes_on_without_validation(tmp_path: Path) -> None:
    def made() -> Any:
        return recipe(env_kwargs={"parameters": ["attack", "decay"]}).grid(4)

    datasets.make(tmp_path / "set", made(), progress=False)
    assert (datasets.load(tmp_path / "set").split[:] == VALIDATION_SPLIT).any()
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["source"]["validation"]
    (tmp_path / "set" / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(tmp_path / "set" / "split" / "c")  # as if stopped before the block was written
    assert datasets.make(tmp_path / "set", made(), progress=False) == 16
    kept = datasets.load(tmp_path / "set")
    assert "validation" not in kept.manifest["source"]
    assert (kept.split[:] == TRAIN_SPLIT).all()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """A limit of files' bytes stands for the full disk: the same call fails, with another number."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, usual)


def test_a_full_disk_loses_nothing(tmp_path: Path, reference: Path) -> None:
    folder = tmp_path / "set"
    datasets.make(folder, recipe().random(256, seed=1), progress=False)
    full = pytest.raises(SynthgymError, match=r"cannot write to .*set: .*what was written is kept")
    with full_disk(5_000), full:
        datasets.make(folder, recipe().random(600, seed=1), progress=False)
    assert not list(folder.rglob("*.partial"))
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) <= 344
    assert files(folder) == files(reference)


def test_where_the_disk_is_full_a_block_is_not_recorded(tmp_path: Path) -> None:
    with Made(tmp_path, 2, 3) as made:
        made.record(0, 256, [10, 20])
        with full_disk(40):
            made.record(1, 256, [10, 20])
            made.forget(2)
        assert [made.says(block) for block in range(3)] == [[256, 10, 20], None, None]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    """Peak memory of the process that makes a set ten times the size of another."""
    peaks = []
    for size in (500, 5000):
        code = (
            "import resource, sys; from synthgym import datasets;"
            f"r = datasets.Recipe('FM-v0', rendering='inline', env_kwargs={SHORT}).random({size});"
            f"datasets.make({str(tmp_path / str(size))!r}, r, progress=False);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60_000  # kB; a block of 4,096 items is 3 MB


def test_other_settings_are_refused_and_change_nothing(copied: Path, reference: Path) -> None:
    for other, says in [
        (recipe().random(600, seed=2), "with source seed 1, not seed 2"),
        (recipe(features=["multiresolution"]).random(600, seed=1), "with features mfcc-13"),
        (recipe(dtype="float32").random(600, seed=1), "with dtype 'float16', not 'float32'"),
        (recipe(env_kwargs={"note": 50}).random(600, seed=1), "with env_kwargs note None, not note 50"),
        (recipe().random(500, seed=1), "is a set of 600 items"),
        (recipe().grid(3), "with source "),
    ]:
        with pytest.raises(SynthgymError, match=says):
            datasets.make(copied, other, progress=False)
    assert files(copied) == files(reference)


def test_a_folder_of_somebody_elses_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    others = [tmp_path / "notes.partial", tmp_path / "downloads" / "film.partial"]
    for other in others:
        other.write_text("mine")
    with pytest.raises(SynthgymError, match="is not empty and no data set"):
        datasets.make(tmp_path, recipe().random(10), progress=False)
    assert [other.read_text() for other in others] == ["mine", "mine"]
