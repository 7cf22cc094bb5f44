"""Data sets and evaluations by Ray, and how long large ones take on a cluster."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from synthgym import datasets
from synthgym.making import make_task
from synthgym.task import SoundMatchingTask

from ..catalogue import Sources, prepare
from ..evaluation.results import Results
from ..evaluation.targets import Target, read_targets
from ..evaluation.trials import evaluate
from .datasets import LEAST, rate_of
from .section import Effort, Row, Section
from .turns import Turn, median, ratio, take_turns

ID = "Dexed6Op-v0"
WAYS: dict[str, dict[str, Any]] = {
    "1 worker": {"rendering": "inline"},
    "Ray, 2 workers": {"rendering": "ray", "workers": 2},
}
EXAMPLES, TRIALS = 10**10, 3 * 10**4
"""Of a large data set, and of a large evaluation: 10^4 targets, three seeds."""
AGENT, BUDGET, TARGETS = "halving", 1000, 8
CORES = (64, 512)


def measure(effort: Effort) -> list[Row]:
    """Measure both, each way."""
    examples = max(16 * effort.steps, LEAST)
    recipes = {way: datasets.Recipe(ID, **keywords) for way, keywords in WAYS.items()}
    sets: dict[str, Turn] = {way: partial(rate_of, recipe, examples) for way, recipe in recipes.items()}
    _begin(sets)
    rows = _rows("examples", EXAMPLES, take_turns(effort.rounds, sets))
    tasks = {way: make_task(ID, **keywords) for way, keywords in WAYS.items()}
    targets, _ = read_targets(tasks["1 worker"], f"test:{TARGETS}")
    trials: dict[str, Turn] = {way: partial(_trials, task, targets) for way, task in tasks.items()}
    _begin(trials)
    rows += _rows(f"trials of {AGENT}, {BUDGET:,} renders", TRIALS, take_turns(effort.rounds, trials))
    for task in (*tasks.values(), *(recipe.task for recipe in recipes.values())):
        task.close()
    return rows


def _begin(turns: dict[str, Turn]) -> None:
    """Take every turn once, unmeasured: processes of Ray start, and what they need is compiled."""
    for turn in turns.values():
        turn()


def _trials(task: SoundMatchingTask, targets: list[Target]) -> float:
    """Return trials per second of an evaluation, its beginning included."""
    settings = {"env": ID, "env_kwargs": {}, "targets": f"test:{TARGETS}"}
    agents = {AGENT: prepare(AGENT, task, Sources(env=ID))}
    with tempfile.TemporaryDirectory() as folder:
        results = Results(Path(folder) / "results", settings)
        begun = time.perf_counter()
        evaluate(task, agents, targets, 1, (BUDGET,), results, progress=False)
        spent = time.perf_counter() - begun
        results.close()
    return len(targets) / spent


def _rows(what: str, count: int, figures: dict[str, list[float]]) -> list[Row]:
    rows = []
    for way, keywords in WAYS.items():
        rate, workers = median(figures[way]), keywords.get("workers", 1)
        hours = {f"hours {cores}": count * workers / rate / cores / 3600 for cores in CORES}
        share = ratio(figures[way], figures["1 worker"]) / workers
        rows.append({"what": what, "way": way, "rate": rate, "share": share, **hours, "rounds": figures})
    return rows


SECTION = Section(
    name="nodes",
    title="On a cluster",
    text=f"{ID}, the default feature: synthgym.datasets.make, without the seconds any set takes to begin, "
    f"and an evaluation of {TARGETS} targets with its beginning. Hours are for {EXAMPLES:,} examples and for "
    f"{TRIALS:,} trials (10,000 targets, three seeds), at that rate for each core.",
    columns={
        "what": "what",
        "way": "by",
        "rate": "per second",
        "share": "of as many single workers",
        **{f"hours {cores}": f"hours, {cores} cores" for cores in CORES},
    },
    measure=measure,
)
