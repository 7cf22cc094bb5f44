"""A data set for torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from synthgym.datasets.splits import Items

Pair = tuple[torch.Tensor, torch.Tensor]


class Pairs(Dataset[Pair]):
    """Pairs of features (frames, bins) and unit parameters (n,) of items, float32.

    Args:
        features: Zarr array (items, frames, bins).
        parameters: Zarr array (items, n).
        items: which items.
    """

    def __init__(self, features: Any, parameters: Any, items: Items) -> None:
        self._features, self._parameters, self._items = features, parameters, items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> Pair:
        (pair,) = self.__getitems__([place])
        return pair

    def __getitems__(self, places: list[int]) -> list[Pair]:
        """Return many pairs at once: what lies together on disk is read together."""
        numbers, where = np.unique(self._items[places], return_inverse=True)
        features, parameters = (
            torch.from_numpy(_read(array, numbers).astype(np.float32)[where])
            for array in (self._features, self._parameters)
        )
        return list(zip(features, parameters, strict=True))


def _read(array: Any, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    read: np.ndarray[Any, Any] = array.get_orthogonal_selection((numbers,))
    return read
