"""What every agent does."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod

from .trial import BudgetSpent, Trial


class Agent(ABC):
    """Looks for the parameters of a target's sound."""

    @abstractmethod
    def search(self, trial: Trial) -> None:
        """Spend the renders of a trial, or as many as are of use.

        Raises:
            BudgetSpent: from the trial, when they are spent.
        """

    def start(self, trial: Trial) -> None:
        """Make the guess that another agent goes on from."""
        self.search(trial)


class Refined(Agent):
    """One agent's guess, and another's search from there."""

    def __init__(self, first: Agent, then: Agent) -> None:
        self._first, self._then = first, then

    def search(self, trial: Trial) -> None:
        """Play the one's start, then the other."""
        self._first.start(trial)
        self._then.search(trial)

    def start(self, trial: Trial) -> None:
        """Play the one's start, then the other's."""
        self._first.start(trial)
        self._then.start(trial)


def run(agent: Agent, trial: Trial) -> Trial:
    """Let an agent play a trial to its end."""
    with contextlib.suppress(BudgetSpent):
        agent.search(trial)
    return trial
