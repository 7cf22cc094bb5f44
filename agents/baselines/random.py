"""Audible patches, one after the other."""

from __future__ import annotations

from ..trials.agent import Agent
from ..trials.trial import Trial

_BATCH = 16


class Random(Agent):
    """Renders the pool."""

    def search(self, trial: Trial) -> None:
        """Render patches of the pool until none is left."""
        while True:
            trial(trial.starts(_BATCH))
