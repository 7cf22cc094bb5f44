"""How a data set is made: blocks that are missing are rendered, and written one after the other."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from tqdm import tqdm

from synthgym.datasets.items import ITEMS, Arrays, items_job, items_jobs, make_items
from synthgym.datasets.missing import Missing
from synthgym.datasets.recipe import Recipe
from synthgym.datasets.splits import LEFT_OUT
from synthgym.datasets.store import Store
from synthgym.parameters import Unit
from synthgym.patches import HELD_OUT, HeldOutStream, PatchJob, make_patches, notes_of
from synthgym.rendering import Worker

_FEW = 16
"""Test patches that a worker is asked for at once: there are not many."""


def make(path: str | os.PathLike[str], recipe: Recipe, *, progress: bool = True, verify: bool = False) -> int:
    """Make a data set, or go on making it: what is there and undamaged stays as it is.

    What is there is known by an index and the sizes of files. Where all of it is read, a byte that changed
    within a file is found by its checksum, and a block of another set, or of another place, by an item of it
    that is made again.

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
        missing = Missing(store, recipe, progress, verify)
        if missing.items:
            _fill(store, missing, recipe, progress)
    return missing.items


def _fill(store: Store, missing: Missing, recipe: Recipe, progress: bool) -> None:
    """Make the blocks that are missing."""
    held_out = _held_out(recipe, progress)
    results = recipe.task.renderer.map(make_items, items_jobs(recipe, missing))
    there = store.size - missing.items
    failed = 0
    bar = tqdm(total=store.size, initial=there, unit=" examples", desc="making", disable=not progress)
    with bar:
        for start, stop in missing:
            parts = []
            for at in range(start, stop, ITEMS):
                part, failures = _without(held_out, recipe, at, *next(results))
                if failures and not failed:
                    warnings.warn(f"{failures[0]}; more failures are counted, not shown", stacklevel=3)
                failed += len(failures)
                parts.append(part)
                bar.update(len(part["split"]))
            store.write(start, {name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
    if failed > 1:
        warnings.warn(f"{failed:,} renders of {store.path} failed and were taken for silence", stacklevel=3)


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
        job = items_job(recipe, start + place, start + place + 1, held_out)
        if isinstance(job.what, PatchJob):
            ((other, more),) = recipe.task.renderer.map(make_items, [job])
            failures = failures + more
        else:
            other = {name: np.zeros_like(values[:1]) for name, values in part.items()}
            other["split"][:] = LEFT_OUT
        for name, values in other.items():
            part[name][place] = values[0]
    return part, failures
