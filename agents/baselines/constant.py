"""The same answer whatever the question."""

from __future__ import annotations

import numpy as np

from synthgym.features import distance
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

from ..trials.agent import Agent
from ..trials.trial import Trial

TARGETS = 300
"""Training targets it is the medoid of."""


class Constant(Agent):
    """Renders the medoid of training targets: of all patches the one that is nearest to them on average.

    Args:
        unit: the patch, float32 (n,) in [0, 1].
        renders: what it cost to find it.
    """

    def __init__(self, unit: Unit, renders: int) -> None:
        self._unit, self._renders = unit, renders

    @classmethod
    def prepare(cls, task: SoundMatchingTask) -> Constant:
        """Find the medoid of the first training targets of seed 0."""
        patches = task.make_patches(PatchStream("train", 0).ids(range(TARGETS)))
        features = patches.rendered.features[0]
        means = [float(distance(each[None], features).mean()) for each in features]
        return cls(patches.unit[int(np.argmin(means))], int(patches.renders.sum()))

    def search(self, trial: Trial) -> None:
        """Render it, once."""
        trial.count_offline("constant", self._renders)
        trial(self._unit[None])
