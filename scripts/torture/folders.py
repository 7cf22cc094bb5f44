"""What commands leave behind, changed: models, folders of data sets, evaluations and runs, submissions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from agents.commands import evaluate, make_dataset, report
from agents.evaluation.results import Results, read_rows
from agents.supervised.examples import Examples, check_examples
from synthgym import datasets
from synthgym.making import make_task

from .changed import called, changed_file, files_of
from .files import SHORT, in_short, ran
from .log import Trial
from .models import models
from .mutation import mutated_json, mutated_value, pick
from .runs import runs
from .trying import Attempt, Prepare, all_tried

_SMALL = ("--workers", "1", "--features", "mfcc", "--quiet")
"""How data sets are made here: in this process."""


def set_folders(folder: Path) -> Attempt:
    """The folder of a data set, which is gone on with, opened for a task, and trained from."""
    good, bad = folder / "good", folder / "bad"

    def recipe() -> datasets.Recipe:
        return datasets.Recipe("FM-v0", ["multiresolution"], env_kwargs=SHORT, rendering="inline").random(
            40, 0
        )

    datasets.make(good, recipe(), progress=False)
    names = files_of(good, "manifest.json")
    task = make_task("FM-v0", SHORT)

    def attempt(rng: np.random.Generator) -> object:
        changed_file(rng, good, bad, names)
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
    names = files_of(good, "trials.jsonl")
    names += [Path("evaluation.json")] * len(names)

    def attempt(rng: np.random.Generator) -> object:
        changed_file(rng, good, bad, names)
        if rng.random() < 0.2:
            return read_rows(bad)
        if rng.random() < 0.5:
            return called(report.main, "report", str(bad))
        with closing(Results.opened(bad)) as results:
            results.write()
            return results.rows(), results.curves(), results.left_out()

    return attempt


def made_sets(folder: Path) -> Attempt:
    """The folder of a data set that a command has made, which it goes on with, for as many or others."""
    good, bad = folder / "good", folder / "bad"
    ran("make_dataset.py", "--out", good, *in_short(), *_SMALL, "--size", "40", folder=folder)
    names = files_of(good, "manifest.json")

    def attempt(rng: np.random.Generator) -> object:
        changed_file(rng, good, bad, names)
        size = pick(rng, ("40", "60"))
        words = [*in_short(), *_SMALL, "--size", size, *pick(rng, ([], ["--verify"]))]
        return called(make_dataset.main, "make_dataset", "--out", str(bad), *words)

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
        return called(evaluate.main, "evaluate", "--validate", str(bad))

    return attempt


KINDS: dict[str, Prepare] = {
    "models": models,
    "set folders": set_folders,
    "evaluations": evaluations,
    "made sets": made_sets,
    "submissions": submissions,
    "runs": runs,
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
