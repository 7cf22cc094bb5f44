"""What commands leave behind, changed: models, folders of data sets and of evaluations, submissions."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout
from pathlib import Path

import numpy as np

from agents.commands import evaluate, make_dataset, report
from agents.evaluation.results import Results, read_rows
from agents.supervised.examples import Examples, check_examples
from synthgym import datasets
from synthgym.making import make_task

from .files import SHORT, in_short, ran
from .log import Trial
from .models import models
from .mutation import mutated_bytes, mutated_json, mutated_value, pick
from .trying import Attempt, Prepare, all_tried

_SMALL = ("--workers", "1", "--features", "mfcc", "--quiet")
"""How data sets are made here: in this process."""


def _changed_file(rng: np.random.Generator, good: Path, bad: Path, names: list[Path]) -> None:
    """Make a copy of a folder in which a file is changed, cut, empty, lost, doubled, or another's."""
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    name, other = pick(rng, names), pick(rng, names)
    data = (good / name).read_bytes()
    match int(rng.integers(8)):
        case 0:
            (bad / name).unlink()
        case 1:
            shutil.copy(good / other, bad / name)
        case 2:
            (bad / name).write_bytes(b"")
        case 3:
            (bad / name).unlink()
            (bad / name).mkdir()
        case _ if name.suffix == ".json":
            (bad / name).write_bytes(mutated_json(rng, data))
        case _ if name.suffix == ".jsonl":
            (bad / name).write_bytes(_changed_lines(rng, data))
        case _:
            (bad / name).write_bytes(mutated_bytes(rng, data))


def _changed_lines(rng: np.random.Generator, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    match int(rng.integers(4)):
        case 0:
            lines.insert(at, lines[at])
        case 1:
            del lines[at]
        case _:
            lines[at] = mutated_json(rng, lines[at]).strip() + b"\n"
    return b"".join(lines)


def _files(folder: Path, first: str) -> list[Path]:
    """Return the files in a folder, the one that says what it is as often as all others."""
    found = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    others = sorted(name for name in found if name.name != first)
    return [Path(first)] * len(others) + others


def set_folders(folder: Path) -> Attempt:
    """The folder of a data set, which is gone on with, opened for a task, and trained from."""
    good, bad = folder / "good", folder / "bad"

    def recipe() -> datasets.Recipe:
        return datasets.Recipe("FM-v0", ["multiresolution"], env_kwargs=SHORT, rendering="inline").random(
            40, 0
        )

    datasets.make(good, recipe(), progress=False)
    names = _files(good, "manifest.json")
    task = make_task("FM-v0", SHORT)

    def attempt(rng: np.random.Generator) -> object:
        _changed_file(rng, good, bad, names)
        if rng.random() < 0.4:
            datasets.make(bad, recipe(), progress=False, verify=bool(rng.random() < 0.5))
        opened = datasets.load_for(task, bad)
        check_examples(opened, task)
        return Examples.of_dataset(opened, task.feature_name, "train").batch(0, 4, 0)

    return attempt


def evaluations(folder: Path) -> Attempt:
    """The folder of an evaluation, which is opened, summed up, reported on, and gone on with."""
    good, bad = folder / "good", folder / "bad"
    asked = ("--targets", "test:2", "--budgets", "1,2", "--seeds", "2", "--backend", "inline", "--out", good)
    ran("evaluate.py", "--agents", "random,constant", *in_short(), *asked, folder=folder)
    names = _files(good, "trials.jsonl")
    names += [Path("evaluation.json")] * len(names)

    def attempt(rng: np.random.Generator) -> object:
        _changed_file(rng, good, bad, names)
        if rng.random() < 0.2:
            return read_rows(bad)
        if rng.random() < 0.5:
            return _called(report.main, "report", str(bad))
        with closing(Results.opened(bad)) as results:
            results.write()
            return results.rows(), results.curves(), results.left_out()

    return attempt


def made_sets(folder: Path) -> Attempt:
    """The folder of a data set that a command has made, which it goes on with, for as many or others."""
    good, bad = folder / "good", folder / "bad"
    ran("make_dataset.py", "--out", good, *in_short(), *_SMALL, "--size", "40", folder=folder)
    names = _files(good, "manifest.json")

    def attempt(rng: np.random.Generator) -> object:
        _changed_file(rng, good, bad, names)
        size = pick(rng, ("40", "60"))
        words = [*in_short(), *_SMALL, "--size", size, *pick(rng, ([], ["--verify"]))]
        return _called(make_dataset.main, "make_dataset", "--out", str(bad), *words)

    return attempt


def submissions(folder: Path) -> Attempt:
    """A submission to the scoreboard, whose rows are rendered again."""
    good, bad = folder / "good.json", folder / "bad.json"
    asked = ("--targets", "test:2", "--budgets", "1,2", "--seeds", "1", "--backend", "inline")
    out = ("--out", folder / "out", "--submit", good)
    ran("evaluate.py", "--agents", "random", *in_short(), *asked, *out, folder=folder)
    data = good.read_bytes()

    def attempt(rng: np.random.Generator) -> object:
        if rng.random() < 0.3:
            bad.write_bytes(mutated_json(rng, data))
        else:  # what was asked for, and what was found
            content = json.loads(data)
            content["evaluations"] = [mutated_value(rng, each) for each in content["evaluations"]]
            bad.write_text(json.dumps(content))
        return _called(evaluate.main, "evaluate", "--validate", str(bad))

    return attempt


def _called(main: Callable[[], int], *words: str) -> int:
    sys.argv = list(words)
    with redirect_stdout(io.StringIO()):
        return main()


KINDS: dict[str, Prepare] = {
    "models": models,
    "set folders": set_folders,
    "evaluations": evaluations,
    "made sets": made_sets,
    "submissions": submissions,
}
"""By name, in an order that decides what is tried: new ones come last."""


def folders(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Try changed folders of all kinds in process.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials in all, an equal share of each kind.

    Returns:
        The trials.
    """
    return all_tried("folders", KINDS, seed, missing, count)
