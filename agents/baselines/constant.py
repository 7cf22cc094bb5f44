"""The same answer whatever the question."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent
from agents.trial import Trial
from synthgym.features import distance
from synthgym.parameters import Unit
from synthgym.targets import AudiblePatches
from synthgym.task import SoundMatchingTask

TARGETS = 300
"""Training targets it is the medoid of."""


class Constant(Agent):
    """Renders the medoid of training targets: of all patches the one that is nearest to them on average."""

    def __init__(self, unit: Unit, renders: int) -> None:
        self._unit, self._renders = unit, renders

    @classmethod
    def prepare(cls, task: SoundMatchingTask) -> Constant:
        """Find the medoid of the first training targets of seed 0."""
        drawn = task.draw(AudiblePatches("train", 0).items(range(TARGETS)), count=False)
        features = drawn.heard.features[0]
        means = [float(distance(each[None], features).mean()) for each in features]
        return cls(drawn.unit[int(np.argmin(means))], int(drawn.renders.sum()))

    def play(self, trial: Trial) -> None:
        """Render it, once."""
        trial.draw_on("constant", self._renders)
        trial(self._unit[None])
