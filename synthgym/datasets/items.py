"""What a worker makes of a data set: the arrays of some of its items, as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.datasets.recipe import Recipe
from synthgym.datasets.sources import Points
from synthgym.datasets.splits import LEFT_OUT
from synthgym.patches import PatchJob, make_patches, notes_of
from synthgym.rendering import Rendered, Worker

Arrays = dict[str, NDArray[Any]]
"""Some items of each array of a set, by the array's name."""

ITEMS = 64
"""A worker is asked for so many at once."""


@dataclass(frozen=True)
class ItemsJob:
    """What a worker makes: patches, or given unit vectors; and how they are stored.

    Attributes:
        what: the patches.
        split: of each of them.
        features: names of the features that are kept.
        dtype: of features and audio.
        audio: whether the audio is kept.
    """

    what: PatchJob | Points
    split: NDArray[np.uint8]
    features: tuple[str, ...]
    dtype: str
    audio: bool


def items_jobs(recipe: Recipe, blocks: Iterable[tuple[int, int]]) -> Iterator[ItemsJob]:
    """Return the jobs of the items of blocks, each given by its first item and the one after its last.

    Args:
        recipe: of the set.
        blocks: the blocks; a job lies in one of them.

    Yields:
        Jobs of ``ITEMS`` items or less, in the order of the blocks.
    """
    return (
        items_job(recipe, at, min(at + ITEMS, stop))
        for start, stop in blocks
        for at in range(start, stop, ITEMS)
    )


def items_job(recipe: Recipe, start: int, stop: int, forbidden: frozenset[bytes] = frozenset()) -> ItemsJob:
    """Return the job of some items.

    Args:
        recipe: of the set.
        start: number of the first item.
        stop: number after the last.
        forbidden: native rows, as bytes, that no random patch may have.

    Returns:
        One job.
    """
    task = recipe.task
    what = recipe.source.job(task, start, stop, forbidden)
    if isinstance(what, PatchJob):
        what = replace(what, notes=notes_of(what.ids, task.note, task.notes_per_target))
    split = recipe.source.split(start, stop)
    return ItemsJob(what, split, recipe.features, recipe.dtype, recipe.audio)


def make_items(worker: Worker, job: ItemsJob) -> tuple[Arrays, list[str]]:
    """Return the items of a job as they are stored, and what is to be said of crashes.

    Args:
        worker: renders them.
        job: which items.

    Returns:
        Their arrays, and the messages of the renders that failed.
    """
    split = job.split.copy()  # what comes from afar cannot be written to
    if isinstance(job.what, PatchJob):
        patches = make_patches(worker, replace(job.what, audio=job.audio))
        unit, notes, rendered, renders = patches.unit, patches.notes, patches.rendered, patches.renders
    else:
        unit, notes = job.what
        renders = np.full(len(unit), notes[0].size // 3)
        rendered = worker.render(unit, notes, audio=job.audio)
        split[[row for row, _ in rendered.failures]] = LEFT_OUT
    arrays: Arrays = {"parameters": unit, "split": split, "renders": renders.astype(np.int32)}
    if worker.synth.note.varies:
        arrays["notes"] = notes
    return arrays | _kept(job, rendered), [said for _, said in rendered.failures]


def _kept(job: ItemsJob, rendered: Rendered) -> Arrays:
    named = zip(job.features, rendered.features, strict=True)
    arrays = {f"features/{name}": _stored(values, job.dtype) for name, values in named}
    if rendered.audio is not None:
        arrays["audio"] = _stored(rendered.audio, job.dtype)
    return arrays


def _stored(values: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Return finite values as they are stored: those beyond the range of a dtype would become infinite."""
    most = float(np.finfo(dtype).max)
    stored: NDArray[Any] = np.clip(values, -most, most).astype(dtype)
    return stored
