"""The split of a data set into items for training and for validation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import one_of

VALIDATION = 0.1
"""The share of items, or of presets, that is for validation."""
TRAIN_SPLIT, VALIDATION_SPLIT, LEFT_OUT = 0, 1, 2
"""Values of ``split``. A grid point that is a test patch, or whose render fails, is left out; so is an item
that is not made yet."""
Split = Literal["train", "validation"]
SIDES = {"train": TRAIN_SPLIT, "validation": VALIDATION_SPLIT}

_KEY = 1 << 16  # no stream of patches has this spawn key


def split_of(seed: int, start: int, stop: int) -> NDArray[np.uint8]:
    """Return the sides of items, a tenth for validation: each is a function of the seed and its number.

    Args:
        seed: of the data set, 0 or more.
        start: the number of the first item.
        stop: the number after the last item.

    Returns:
        Uint8 (stop - start,), TRAIN_SPLIT or VALIDATION_SPLIT.
    """
    key = np.random.SeedSequence(seed, spawn_key=(_KEY,)).generate_state(2, np.uint64)
    # Philox is a function of its counter, which stands for four values.
    rng = np.random.Generator(np.random.Philox(key=key, counter=start // 4))
    values = rng.random(stop - start + start % 4)[start % 4 :]
    return np.where(values < VALIDATION, VALIDATION_SPLIT, TRAIN_SPLIT).astype(np.uint8)


class Items:
    """The numbers of the items on one side of the split, found block by block.

    Args:
        sides: the array ``split`` of a data set, (items,).
        split: ``train`` or ``validation``.
        block: how many items of the array are read together.
    """

    def __init__(self, sides: Any, split: Split, block: int) -> None:
        one_of("split", split, SIDES)
        self._sides, self._side, self._block = sides, SIDES[split], block
        self._starts = range(0, sides.shape[0], block)
        self._ends = np.cumsum([len(self._of(start)) for start in self._starts], dtype=np.int64).tolist()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, places: Sequence[int]) -> NDArray[np.int64]:
        """Return the numbers of the items at places."""
        found = np.empty(len(places), np.int64)
        of = lru_cache(64)(self._of)
        for i, place in enumerate(places):
            if not -len(self) <= place < len(self):
                raise IndexError(f"{place} of {len(self)} items")
            place %= len(self)
            block = bisect_right(self._ends, place)
            before = self._ends[block - 1] if block else 0
            found[i] = of(block * self._block)[place - before]
        return found

    def numbers(self) -> NDArray[np.int64]:
        """Return the numbers of all items, ascending (N,)."""
        return np.concatenate([self._of(start) for start in self._starts])

    def _of(self, start: int) -> NDArray[np.int64]:
        stop = min(start + self._block, self._sides.shape[0])
        return start + np.flatnonzero(self._sides[start:stop] == self._side)
