"""What it takes to find the nearest examples of a data set."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from synthgym import datasets
from synthgym.features import Features
from synthgym.patches import PatchStream

from ..baselines.index import Index
from .section import Effort, Row, Section
from .turns import median, ratio, take_turns, timed

IDS = ("FM-v0", "Dexed6Op-v0")
FEATURE = "multiresolution"
COUNTS = (1, 1000)
MOST_EXAMPLES = 20_000
TARGETS = 20


def measure(effort: Effort) -> list[Row]:
    """Measure each number of neighbours for each id."""
    return [row for env_id in IDS for row in _rows_of(env_id, effort)]


def _rows_of(env_id: str, effort: Effort) -> list[Row]:
    """Look up targets in a set by both ways, taking turns."""
    recipe = datasets.Recipe(env_id, [FEATURE])
    examples = min(400 * effort.steps, MOST_EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        datasets.make(path := Path(folder, "set"), recipe.random(examples), progress=False)
        seconds, index = timed(partial(Index, feature=FEATURE), path)
        targets = recipe.task.make_patches(PatchStream("train", 0).ids(range(TARGETS))).rendered.features[0]
        recipe.task.close()
        return [_row(env_id, examples, seconds, index, targets, count, effort) for count in COUNTS]


def _row(
    env_id: str,
    examples: int,
    seconds: float,
    index: Index,
    targets: Features,
    count: int,
    effort: Effort,
) -> Row:
    def turn(nearest: Callable[[Features, int], Any]) -> float:
        start = time.perf_counter()
        for target in targets:
            nearest(target[None], count)
        return (time.perf_counter() - start) / len(targets) * 1e3

    figures = take_turns(
        effort.rounds, {"all": partial(turn, index.nearest_of_all), "sums": partial(turn, index.nearest)}
    )
    return {
        "id": env_id,
        "examples": f"{examples:,}",
        "neighbours": f"{count:,}",
        "making": seconds / examples * 1e6,
        "all": median(figures["all"]),
        "sums": median(figures["sums"]),
        "faster": ratio(figures["all"], figures["sums"]),
        "rounds": figures,
    }


SECTION = Section(
    name="lookup",
    title="The nearest examples",
    text=f"{TARGETS} targets, patches of the stream train, looked up in a data set of other patches, one "
    "thread: all examples compared, and those alone that may be among the nearest by sums of sixteen values, "
    "which find the same. Making the index is done once for each state of a set.",
    columns={
        "id": "id",
        "examples": "examples",
        "neighbours": "neighbours",
        "making": "making the index, us an example",
        "all": "all, ms",
        "sums": "by sums, ms",
        "faster": "all / by sums",
    },
    measure=measure,
)
