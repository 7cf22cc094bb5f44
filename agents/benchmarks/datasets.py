"""Making a data set against raw renders of the same patches."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthgym import datasets
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

from .reference import RawBatch
from .section import Effort, Row, Section
from .turns import Turn, median, ratio, take_turns

IDS = ("FM-v0", "Dexed1Op-v0")
WAYS: dict[str, dict[str, Any]] = {
    "1 worker": {"workers": 1},
    "2 workers": {"workers": 2},
    "Ray, 2 workers": {"rendering": "ray", "workers": 2},
}
LEAST = 3072
"""Examples in a turn, so that the seconds of beginning do not drown them."""
START = 64
"""Examples of a first set, whose time is that of opening, checking and drawing the test patches."""


def measure(effort: Effort) -> list[Row]:
    """Measure every way for each id."""
    return [row for env_id in IDS for row in _rows_of(env_id, effort)]


def _rows_of(env_id: str, effort: Effort) -> list[Row]:
    """Measure examples per second of one id: all ways, and raw batches, taking turns."""
    examples = max(16 * effort.steps, LEAST)
    recipes = {way: datasets.Recipe(env_id, **keywords) for way, keywords in WAYS.items()}
    turns: dict[str, Turn] = {way: partial(rate_of, recipe, examples) for way, recipe in recipes.items()}
    raw = {threads: Raw(recipes["1 worker"].task, threads, examples) for threads in (1, 2)}
    turns |= {f"raw {threads}": batch for threads, batch in raw.items()}
    figures = take_turns(effort.rounds, turns)
    for recipe in recipes.values():
        recipe.task.close()
    for batch in raw.values():
        batch.close()
    return [
        {
            "id": env_id,
            "way": way,
            "examples": median(figures[way]),
            "raw": median(figures[f"raw {keywords['workers']}"]),
            "share": ratio(figures[way], figures[f"raw {keywords['workers']}"]),
            "rounds": {name: figures[name] for name in (way, f"raw {keywords['workers']}")},
        }
        for way, keywords in WAYS.items()
    ]


def rate_of(recipe: datasets.Recipe, examples: int) -> float:
    """Return examples per second of a set, but for what any set takes to begin.

    Args:
        recipe: of the set.
        examples: how many are timed.

    Returns:
        Examples per second.
    """
    spent = []
    for size in (START, START + examples):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            datasets.make(Path(folder) / "set", recipe.random(size), progress=False)
            spent.append(time.perf_counter() - begun)
    return examples / (spent[1] - spent[0])


class Raw:
    """The same examples by plain threads: all candidates are rendered, the audible ones get features.

    Args:
        task: of the examples.
        threads: that render.
        examples: how many.
    """

    def __init__(self, task: SoundMatchingTask, threads: int, examples: int) -> None:
        ids = PatchStream("dataset", 0).ids(range(START, START + examples))
        patches, job = task.make_patches(ids), task.prior.job(ids)
        tried = [
            _draws(candidates, int(count))
            for candidates, count in zip(job.candidates(task.worker), patches.renders, strict=True)
        ]
        self._heard = task.space.to_native(patches.unit)
        self._unheard = task.space.to_native(np.concatenate([units[:-1] for units in tried]))
        self._batch = RawBatch(task.synth, threads, self._heard[0])

    def __call__(self) -> float:
        """Return examples per second."""
        begun = time.perf_counter()
        self._batch(self._heard, self._unheard)
        return len(self._heard) / (time.perf_counter() - begun)

    def close(self) -> None:
        """Let the threads go."""
        self._batch.close()


def _draws(candidates: Iterator[Unit], count: int) -> Unit:
    """Return the unit vectors that were drawn for an item, the last of them the one that was audible."""
    found: list[Unit] = []
    while len(found) < count:
        found += list(next(candidates))
    return np.stack(found[:count])


SECTION = Section(
    name="datasets",
    title="Data sets",
    text="synthgym.datasets.make, log-mel in float16, without the seconds any set takes to begin, against "
    "the raw render of every draw (rejected ones too) and the reference feature of every example, in as "
    "many plain threads as there are workers.",
    columns={
        "id": "id",
        "way": "by",
        "examples": "examples/s",
        "raw": "raw examples/s",
        "share": "share of raw",
    },
    measure=measure,
    required={"share": ("at least", 0.8)},
)
