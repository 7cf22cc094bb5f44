"""The patch that the synth begins with."""

from __future__ import annotations

from agents.agent import Agent
from agents.trial import Trial


class Default(Agent):
    """Renders the default patch, once."""

    def play(self, trial: Trial) -> None:
        """Render it."""
        space = trial.space
        trial(space.to_unit(space.row({}))[None])
