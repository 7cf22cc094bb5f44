"""What searching takes beside the renders that it asks for."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

import numpy as np

from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

from ..catalogue import prepare
from ..trials.agent import run
from ..trials.pool import Pool
from ..trials.trial import Trial
from .section import Effort, Row, Section
from .turns import median, ratio, take_turns

IDS = ("FM-v0", "Dexed1Op-v0", "Dexed6Op-v0")
BATCH = 16
"""Patches that are rendered at once with no search; about as many as a search does."""


def measure(effort: Effort) -> list[Row]:
    """Measure each id."""
    return [_row(env_id, effort) for env_id in IDS]


def _row(env_id: str, effort: Effort) -> Row:
    renders = effort.calls(1)
    with closing(make_task(env_id, {}, rendering="inline")) as task:
        pool = Pool.make(task, 0, max(64, renders))
        target = task.make_patches(PatchStream("train", 0).ids([0])).rendered
        turns = {
            name: partial(_searched, name, task, pool, target, renders)
            for name in ("halving", "hill_climber")
        }
        figures = take_turns(effort.rounds, {"rendered": partial(_rendered, task, pool, renders), **turns})
    return {
        "id": env_id,
        "rendered": median(figures["rendered"]),
        "hill_climber": ratio(figures["hill_climber"], figures["rendered"]),
        "halving": ratio(figures["halving"], figures["rendered"]),
        "rounds": figures,
    }


def _rendered(task: SoundMatchingTask, pool: Pool, renders: int) -> float:
    """Return the milliseconds of a render of random patches, a batch at a time."""
    start = time.perf_counter()
    for first in range(0, renders, BATCH):
        task.render(pool.unit[first : min(first + BATCH, renders)])
    return (time.perf_counter() - start) / renders * 1e3


def _searched(name: str, task: SoundMatchingTask, pool: Pool, target: Rendered, renders: int) -> float:
    """Return the milliseconds that a search takes for each of its renders."""
    trial = Trial(task, target, renders, pool, np.random.default_rng(0))
    agent = prepare(name, task)
    start = time.perf_counter()
    run(agent, trial)
    return (time.perf_counter() - start) / renders * 1e3


SECTION = Section(
    name="searches",
    title="What searching takes",
    text=f"Random patches, {BATCH} rendered at once, features included, and searches with as many renders, "
    "one thread: a hill climber renders one patch at a time; halving some eight, every fourth of earlier "
    "steps.",
    columns={
        "id": "id",
        "rendered": "rendering, ms",
        "hill_climber": "hill_climber / rendering",
        "halving": "halving / rendering",
    },
    measure=measure,
)
