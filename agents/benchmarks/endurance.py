"""Speed and memory of one process that renders on and on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import psutil
from tqdm import tqdm

from synthgym.making import make_task

from .process import memory_of
from .section import Effort, Row, Section

ENV_ID = "Dexed6Op-v0"
BATCH = 256
LINES = 10
PER_STEP = 20_000


def measure(effort: Effort) -> list[Row]:
    """Render some 10^6 patches with their features, by as many threads as there are cores."""
    return list(rows(max(LINES, effort.steps * PER_STEP // BATCH)))


def rows(batches: int) -> Iterator[Row]:
    """Render so many batches; give a row for each tenth of them."""
    rng = np.random.default_rng(0)
    with closing(make_task(ENV_ID, rendering="auto")) as task:
        task.render(task.space.sample(rng, BATCH))
        start, before = time.perf_counter(), 0
        for number in tqdm(range(1, batches + 1), unit=" batches", desc="endurance", leave=False):
            task.render(task.space.sample(rng, BATCH))
            if number * LINES // batches > before * LINES // batches:
                seconds = time.perf_counter() - start
                yield {
                    "renders": f"{number * BATCH:,}",
                    "speed": (number - before) * BATCH / seconds,
                    "memory": memory_of(psutil.Process()),
                }
                start, before = time.perf_counter(), number


SECTION = Section(
    name="endurance",
    title="On and on",
    text=f"{ENV_ID}, random patches of one second with the default feature, {BATCH} at a time by a thread "
    "for each core, in one process.",
    columns={
        "renders": "renders so far",
        "speed": "renders/s since the line before",
        "memory": "memory, MB",
    },
    measure=measure,
)
