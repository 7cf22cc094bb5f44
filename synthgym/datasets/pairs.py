"""A data set for torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from synthgym.datasets.loading import DataSet, Items

Pair = tuple[torch.Tensor, torch.Tensor]


class Pairs(Dataset[Pair]):
    """Features (frames, bins) and unit parameters (n,) of items, float32."""

    def __init__(self, dataset: DataSet, feature: str, items: Items) -> None:
        self._features, self._parameters, self._items = (
            dataset.features[feature],
            dataset.parameters,
            items,
        )

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
