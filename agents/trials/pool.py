"""The patches that searches start from."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthError
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

logger = logging.getLogger(__name__)
MOST_STARTS = 1000
"""So many patches of a pool suffice where they are drawn, or looked up, before a search."""
_MOST_CANDIDATES = 200
"""Of a patch that is drawn while somebody waits: where more are inaudible, other starts are sooner found."""


@dataclass
class Pool:
    """Patches to start from, made before any target is known.

    Attributes:
        unit: unit vectors (N, n).
        renders: what each cost, the inaudible candidates before it included, (N,).
        known: how many of the first were known without a render: the default patch, presets.
    """

    unit: Unit
    renders: NDArray[np.int64]
    known: int = 0

    @classmethod
    def make(cls, task: SoundMatchingTask, seed: int, count: int) -> Pool:
        """Make the first patches of a seed's pool.

        Args:
            task: whose random patches they are.
            seed: of the pool, 0 or more.
            count: how many, 1 or more.

        Returns:
            The pool, with what each patch cost to render.
        """
        patches = task.make_patches(PatchStream("pool", seed).ids(range(count)))
        return cls(patches.unit, patches.renders)

    def __len__(self) -> int:
        return len(self.unit)

    def reach(self, count: int) -> None:
        """Have the first ``count`` patches at hand, or as many as there are."""


class DrawnPool(Pool):
    """A pool whose patches are drawn when they are asked for: the same as if all were drawn at once.

    What is drawn does not depend on the target, and costs what it costs in any pool.

    Args:
        task: renders them.
        seed: of the pool.
        count: how many patches it has at most.
        known: unit vectors (K, n) that it begins with.

    Attributes:
        failure: why it ended before its count; None if it did not.
    """

    def __init__(self, task: SoundMatchingTask, seed: int, count: int, known: Unit | None = None) -> None:
        known = np.empty((0, len(task.space)), np.float32) if known is None else known[:count]
        super().__init__(known, np.zeros(len(known), np.int64), len(known))
        self._task, self._stream, self._count = task, PatchStream("pool", seed), count
        self.failure: SynthError | None = None

    def __len__(self) -> int:
        return self._count if self.failure is None else len(self.unit)

    def reach(self, count: int) -> None:
        """Draw what is missing of the first ``count`` patches; one that finds nothing audible is the last."""
        numbers = range(len(self.unit) - self.known, min(count, len(self)) - self.known)
        if not numbers:
            return
        try:
            drawn = self._task.make_patches(self._stream.ids(numbers), most=_MOST_CANDIDATES)
        except SynthError as error:
            if len(numbers) > 1:  # those before the first that fails are starts all the same
                self.reach(self.known + numbers[len(numbers) // 2])
                self.reach(count)
                return
            self.failure = error
            logger.warning("no more starts are drawn: %s", error)
            return
        self.unit = np.concatenate([self.unit, drawn.unit])
        self.renders = np.concatenate([self.renders, drawn.renders])


def known_starts(task: SoundMatchingTask) -> Unit:
    """Return unit vectors (K, n) of what is known of a synth without a render.

    They are the default patch, the presets that random patches are made of, and the synth's own programs,
    each once.
    """
    space = task.space
    unit = np.concatenate([space.to_unit(space.row({}))[None], task.presets()])
    return unit[np.sort(np.unique(unit, axis=0, return_index=True)[1])]
