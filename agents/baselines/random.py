"""Audible patches, one after the other."""

from __future__ import annotations

from agents.agent import Agent
from agents.trial import Trial

_BATCH = 16


class Random(Agent):
    """Renders the pool."""

    def play(self, trial: Trial) -> None:
        """Render patches of the pool until none is left."""
        while True:
            trial(trial.starts(_BATCH))
