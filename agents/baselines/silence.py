"""Saying nothing."""

from __future__ import annotations

from agents.agent import Agent
from agents.trial import Trial


class Silence(Agent):
    """Answers with silence, which no parameters need to make."""

    def play(self, trial: Trial) -> None:
        """Be silent, once."""
        trial.be_silent()
