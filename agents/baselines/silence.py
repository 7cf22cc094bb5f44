"""Saying nothing."""

from __future__ import annotations

from ..trials.agent import Agent
from ..trials.trial import Trial


class Silence(Agent):
    """Answers with silence, which no parameters need to make."""

    def search(self, trial: Trial) -> None:
        """Be silent, once."""
        trial.answer_silence()
