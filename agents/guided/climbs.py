"""Climbs: patches that come nearer to targets step by step, many side by side."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.features import Features
from synthgym.notes import Notes
from synthgym.parameters import Unit

from ..search.hill_climber import nearest_steps
from .network import Seen
from .pooling import pooled


@dataclass
class Climbs:
    """N patches, each on its way to a target.

    Attributes:
        target: pooled features of the targets (N, segments, bins).
        notes: that are played, (N, 3).
        unit: the patches (N, n).
        sound: their pooled features (N, segments, bins).
        far: their distances (N,).
    """

    target: Features
    notes: Notes
    unit: Unit
    sound: Features
    far: NDArray[np.float64]

    def seen(self, rows: NDArray[np.int64]) -> Seen:
        """Return what the network sees of some of them."""
        parts = (self.target, self.sound, self.unit, self.notes, self.far)
        return Seen(*(torch.from_numpy(part[rows].astype(np.float32)) for part in parts))

    def joined(self, others: Self) -> Self:
        """Return these climbs and others."""
        each = ((getattr(self, f.name), getattr(others, f.name)) for f in fields(self))
        return type(self)(*map(np.concatenate, each))

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Go on with some of them alone."""
        self.target, self.notes, self.unit = self.target[rows], self.notes[rows], self.unit[rows]
        self.sound, self.far = self.sound[rows], self.far[rows]

    def go(self, there: Unit, features: Features, far: NDArray[np.float64]) -> NDArray[np.int64]:
        """Go where it is no farther from the target, and return which step each took.

        Args:
            there: K patches for each, (N, K, n).
            features: of their sounds, (N K, frames, bins).
            far: their distances (N, K).

        Returns:
            Its number, int64 (N,), -1 for none.
        """
        taken = nearest_steps(self.far, far)
        (rows,) = np.nonzero(taken >= 0)
        chosen = taken[rows]
        self.unit[rows], self.far[rows] = there[rows, chosen], far[rows, chosen]
        self.sound[rows] = pooled(features[rows * far.shape[1] + chosen])
        return taken
