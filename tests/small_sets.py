"""Small data sets for tests, made in seconds. What imports ``small_blocks`` makes all of its sets so."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envs_registry import example
from synthgym import datasets
from synthgym.locks import LOCK

# Short notes, so that a set of several blocks is made in seconds; 128 items of audio are a block.
SHORT = {"duration": 0.1, "hold": 0.05}
FEATURES = ["multiresolution", "mfcc-13"]


def recipe(env_id: str = "FM-v0", **keywords: Any) -> datasets.Recipe:
    """A recipe of short notes; of an environment's example, where it needs one."""
    keywords.setdefault("rendering", "inline")
    env_kwargs = {**example(env_id), **SHORT, **keywords.pop("env_kwargs", {})}
    return datasets.Recipe(env_id, keywords.pop("features", FEATURES), env_kwargs=env_kwargs, **keywords)


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a set, but for the lock, which says nothing."""
    paths = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != LOCK)
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Blocks of at most 256 items, and 60 test patches, so that sets are made in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthgym.datasets.recipe._MOST_ITEMS", 256)
        patch.setattr("synthgym.datasets.making.HELD_OUT", 60)
        yield


@pytest.fixture(name="reference", scope="module")
def reference_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of three blocks, made in one go."""
    folder = tmp_path_factory.mktemp("reference") / "set"
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) == 600
    return folder


@pytest.fixture(name="copied")
def copied_set(reference: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reference, tmp_path / "set"))
