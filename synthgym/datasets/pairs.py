"""A data set for torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from synthgym.datasets.splits import Items

Pair = tuple[torch.Tensor, ...]


class Pairs(Dataset[Pair]):
    """Pairs of features (frames, bins) and unit parameters (n,) of items, and their notes (3,), if they vary.

    Args:
        features: Zarr array (items, frames, bins).
        parameters: Zarr array (items, n).
        items: which items.
        notes: Zarr array (items, 3), or None.
    """

    def __init__(self, features: Any, parameters: Any, items: Items, notes: Any = None) -> None:
        self._arrays = [features, parameters] + ([] if notes is None else [notes])
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> Pair:
        (pair,) = self.__getitems__([place])
        return pair

    def __getitems__(self, places: list[int]) -> list[Pair]:
        """Return many pairs at once: what lies together on disk is read together."""
        numbers, where = np.unique(self._items[places], return_inverse=True)
        found = [torch.from_numpy(array.oindex[numbers].astype(np.float32)[where]) for array in self._arrays]
        return list(zip(*found, strict=True))
