"""The audible patches that searches start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

MOST_STARTS = 1000
"""So many patches of a pool suffice, whatever the budget, where one person waits for one match."""


@dataclass(frozen=True)
class Pool:
    """Audible patches to start from, made before any target is known.

    Attributes:
        unit: unit vectors (N, n).
        renders: what each cost, the inaudible candidates before it included, (N,).
    """

    unit: Unit
    renders: NDArray[np.int64]

    @classmethod
    def make(cls, task: SoundMatchingTask, seed: int, count: int) -> Pool:
        """Make the first patches of a seed's pool."""
        patches = task.make_patches(PatchStream("pool", seed).ids(range(count)))
        return cls(patches.unit, patches.renders)
