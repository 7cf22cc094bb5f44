"""Which blocks of a data set are to be made: those that are not there, are damaged, or belong elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from synthgym.datasets.items import items_job, make_items
from synthgym.datasets.recipe import Recipe
from synthgym.datasets.splits import LEFT_OUT
from synthgym.datasets.store import Store

_GROUP = 1024
"""Blocks that are looked at, one group after the other."""
_READERS = 8
"""Threads, at most, that read what is there; each holds a block."""
_TOLERANCE = 0.01
"""Of what was made by a GPU, or on a machine of another kind, the last digits differ: by far less."""


class Missing:
    """The blocks that are to be made; those that the index knows are read if asked for.

    There may be so many that each is worth a byte.

    Args:
        store: the files of the set.
        recipe: what it is to hold.
        progress: whether to show a progress bar.
        verify: whether all blocks are read.

    Attributes:
        items: how many are in them.
    """

    def __init__(self, store: Store, recipe: Recipe, progress: bool, verify: bool) -> None:
        self._store, self._recipe = store, recipe
        self._blocks, self.items = bytearray(store.blocks), 0
        bar = tqdm(total=store.size, unit=" examples", desc="checking", disable=not progress, leave=False)
        with bar, ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as pool:
            for first in range(0, store.blocks, _GROUP):
                numbers = range(first, min(first + _GROUP, store.blocks))
                unsure = [i for i in numbers if verify or not store.is_recorded(*store.span(i))]
                bar.update(_items(store, numbers) - _items(store, unsure))
                goods = pool.map(lambda i: store.good(*store.span(i)), unsure)
                for number, good in zip(unsure, goods, strict=True):
                    self._judge(number, good and self._is_in_place(*store.span(number)))
                    bar.update(_items(store, [number]))

    def _is_in_place(self, start: int, stop: int) -> bool:
        """Return whether an undamaged block is of this set, and stands in its place: an item is made anew.

        Another is where that differs, as it does of an item that failed, or in whose place was a test patch.
        A block that is taken for another's by mistake is made again, and no worse.
        """
        split, wanted = self._store.read("split", start, stop), self._recipe.source.split(start, stop)
        there = np.flatnonzero(split != LEFT_OUT)
        if np.any(split[there] != wanted[there]):
            return False
        if not len(there) or not self._recipe.task.synth.repeatable:
            return True
        return any(self._is_own(start + int(there[at])) for at in (0, len(there) // 2, -1))

    def _is_own(self, item: int) -> bool:
        """Return whether an item is what the recipe makes of it."""
        job = items_job(self._recipe, item, item + 1)
        ((made, _),) = self._recipe.task.renderer.map(make_items, [job])
        return all(_close(self._store.read(name, item, item + 1), values) for name, values in made.items())

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


def _close(stored: NDArray[Any], made: NDArray[Any]) -> bool:
    """Return whether the mean difference of two arrays is small beside their mean size."""
    one, other = stored.astype(np.float64), made.astype(np.float64)
    return bool(np.abs(one - other).mean() <= _TOLERANCE * np.abs(other).mean())


def _items(store: Store, blocks: Iterable[int]) -> int:
    return sum(stop - start for start, stop in map(store.span, blocks))
