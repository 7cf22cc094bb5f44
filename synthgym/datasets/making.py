"""How a data set is made: blocks that are missing are rendered, and written one after the other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from synthgym.datasets.recipe import Recipe
from synthgym.datasets.sources import Points
from synthgym.datasets.splits import LEFT_OUT
from synthgym.datasets.store import Store
from synthgym.parameters import Unit
from synthgym.patches import HELD_OUT, HeldOutStream, PatchJob, make_patches, notes_of
from synthgym.rendering import Rendered, Worker

Arrays = dict[str, NDArray[Any]]

_JOB = 64
"""Items that a worker is asked for at once."""
_FEW = 16
"""Test patches likewise: there are not many."""
_CHECKED = 1024
"""Blocks that are looked at, one group after the other."""
_CHECKERS = 8
"""Threads, at most, that read what is there; each holds a block."""


def make(path: str | os.PathLike[str], recipe: Recipe, *, progress: bool = True, verify: bool = False) -> int:
    """Make a data set, or go on making it: what is there and undamaged stays as it is.

    What is there is known by an index and the sizes of files. A byte that changed within a file is found
    by its checksum, where all of them are read.

    Interrupted at any moment and called again, it ends with the same bytes. A render that fails does not
    end it: a random patch is made again, a grid point is left out. The first failure is a warning, and so
    is their number in the end.

    Args:
        path: its folder: a new or empty one, or that of a set with the same settings; one of fewer
            items grows.
        recipe: what it holds.
        progress: whether to show progress bars.
        verify: whether to read everything that is there, in parallel, and to make again what is damaged.

    Returns:
        How many items were made.

    Raises:
        SynthgymError: the folder cannot be used or is in use, the disk is full, or a worker is lost for good.
    """
    with Store(Path(path), recipe) as store:
        missing = _Missing(store, progress, verify)
        if missing.items:
            _fill(store, missing, recipe, progress)
    return missing.items


class _Missing:
    """The blocks that are not there or damaged; those that the index knows are read if asked for.

    There may be so many that each is worth a byte.

    Attributes:
        items: how many are in them.
    """

    def __init__(self, store: Store, progress: bool, verify: bool) -> None:
        self._store, self._blocks, self.items = store, bytearray(store.blocks), 0
        bar = tqdm(total=store.size, unit=" examples", desc="checking", disable=not progress, leave=False)
        with bar, ThreadPoolExecutor(min(_CHECKERS, os.cpu_count() or 1)) as pool:
            for first in range(0, store.blocks, _CHECKED):
                numbers = range(first, min(first + _CHECKED, store.blocks))
                unsure = [i for i in numbers if verify or not store.is_recorded(*store.span(i))]
                bar.update(_items(store, numbers) - _items(store, unsure))
                goods = pool.map(lambda i: store.good(*store.span(i)), unsure)
                for number, good in zip(unsure, goods, strict=True):
                    self._judge(number, good)
                    bar.update(_items(store, [number]))

    def _judge(self, number: int, good: bool) -> None:
        start, stop = self._store.span(number)
        if good:
            self._store.record(start, stop)
        else:
            self._store.forget(start)  # now: it may be interrupted before the block is made again
            self._blocks[number] = 1
            self.items += stop - start

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return (self._store.span(number) for number, is_missing in enumerate(self._blocks) if is_missing)


def _items(store: Store, blocks: Iterable[int]) -> int:
    return sum(stop - start for start, stop in map(store.span, blocks))


def _fill(store: Store, missing: _Missing, recipe: Recipe, progress: bool) -> None:
    """Make the blocks that are missing."""
    held_out = _held_out(recipe, progress)
    results = recipe.task.renderer.map(_make, _jobs(recipe, missing))
    there = store.size - missing.items
    failed = 0
    bar = tqdm(total=store.size, initial=there, unit=" examples", desc="making", disable=not progress)
    with bar:
        for start, stop in missing:
            parts = []
            for at in range(start, stop, _JOB):
                part, failures = _without(held_out, recipe, at, *next(results))
                if failures and not failed:
                    warnings.warn(f"{failures[0]}; more failures are counted, not shown", stacklevel=3)
                failed += len(failures)
                parts.append(part)
                bar.update(len(part["split"]))
            store.write(start, {name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
    if failed > 1:
        warnings.warn(f"{failed:,} renders of {store.path} failed and were taken for silence", stacklevel=3)


@dataclass(frozen=True)
class _Job:
    """What a worker makes: patches, or given unit vectors; and how they are stored."""

    what: PatchJob | Points
    split: NDArray[np.uint8]
    features: tuple[str, ...]
    dtype: str
    audio: bool


def _jobs(recipe: Recipe, blocks: Iterable[tuple[int, int]]) -> Iterator[_Job]:
    return (
        _job(recipe, at, min(at + _JOB, stop)) for start, stop in blocks for at in range(start, stop, _JOB)
    )


def _job(recipe: Recipe, start: int, stop: int, forbidden: frozenset[bytes] = frozenset()) -> _Job:
    task = recipe.task
    what = recipe.source.job(task, start, stop, forbidden)
    if isinstance(what, PatchJob):
        what = replace(what, notes=notes_of(what.ids, task.note, task.notes_per_target))
    split = recipe.source.split(start, stop)
    return _Job(what, split, recipe.features, recipe.dtype, recipe.audio)


def _make(worker: Worker, job: _Job) -> tuple[Arrays, list[str]]:
    """Return the arrays of a job as they are stored, and what is to be said of crashes."""
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


def _kept(job: _Job, rendered: Rendered) -> Arrays:
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


def _held_out(recipe: Recipe, progress: bool) -> frozenset[bytes]:
    """Return the native rows of all test patches, as bytes."""
    task, items = recipe.task, HeldOutStream().ids(range(HELD_OUT))
    notes = notes_of(items, task.note, task.notes_per_target)
    parts = (
        prior.job(items[at : at + _FEW], notes=notes[at : at + _FEW])
        for prior in recipe.held_out
        for at in range(0, HELD_OUT, _FEW)
    )
    total = HELD_OUT * len(recipe.held_out)
    bar = tqdm(total=total, unit=" test patches", desc="leaving out", disable=not progress, leave=False)
    rows: set[bytes] = set()
    with bar:
        for units in recipe.task.renderer.map(_unit, parts):
            rows.update(row.tobytes() for row in recipe.task.space.to_native(units))
            bar.update(len(units))
    return frozenset(rows)


def _unit(worker: Worker, job: PatchJob) -> Unit:
    return make_patches(worker, job).unit


def _without(
    held_out: frozenset[bytes], recipe: Recipe, start: int, part: Arrays, failures: list[str]
) -> tuple[Arrays, list[str]]:
    """Return a part with no test patch in it: such an item is made again, in a grid it is left out."""
    rows = [row.tobytes() for row in recipe.task.space.to_native(part["parameters"])]
    met = [place for place, row in enumerate(rows) if row in held_out]
    if met:  # what comes from a cluster cannot be written to
        part = {name: values.copy() for name, values in part.items()}
    for place in met:
        job = _job(recipe, start + place, start + place + 1, held_out)
        if isinstance(job.what, PatchJob):
            ((other, more),) = recipe.task.renderer.map(_make, [job])
            failures = failures + more
        else:
            other = {name: np.zeros_like(values[:1]) for name, values in part.items()}
            other["split"][:] = LEFT_OUT
        for name, values in other.items():
            part[name][place] = values[0]
    return part, failures
