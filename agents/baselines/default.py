"""The patch that the synth begins with."""

from __future__ import annotations

from ..trials.agent import Agent
from ..trials.trial import Trial


class Default(Agent):
    """Renders the default patch, once."""

    def search(self, trial: Trial) -> None:
        """Render it."""
        space = trial.space
        trial(space.to_unit(space.row({}))[None])
