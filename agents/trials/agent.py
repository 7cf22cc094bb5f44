"""The interface of every agent."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod

from .trial import BudgetSpent, Trial


class Agent(ABC):
    """Looks for the parameters of a target's sound."""

    def model_with(self, seed: int) -> str:
        """Return a digest of the model by which it searches with a seed; "" if it is not trained."""
        return ""

    @abstractmethod
    def search(self, trial: Trial) -> None:
        """Spend the renders of a trial, or as many as are of use.

        Raises:
            BudgetSpent: from the trial, when they are spent.
        """

    def guess(self, trial: Trial) -> None:
        """Make the guess that another agent goes on from."""
        self.search(trial)


class Refined(Agent):
    """One agent's guess, and another's search from there.

    Args:
        first: makes the guess.
        then: searches.
    """

    def __init__(self, first: Agent, then: Agent) -> None:
        self._first, self._then = first, then

    def model_with(self, seed: int) -> str:
        """Return those of both."""
        return self._first.model_with(seed) + self._then.model_with(seed)

    def search(self, trial: Trial) -> None:
        """Make the first agent's guess, then let the other search from there."""
        self._first.guess(trial)
        self._then.search(trial)

    def guess(self, trial: Trial) -> None:
        """Make the first agent's guess, then the other's, which may go on from it."""
        self._first.guess(trial)
        self._then.guess(trial)


def run(agent: Agent, trial: Trial) -> Trial:
    """Let an agent search until the budget of a trial is spent, or it has nothing more to try.

    Args:
        agent: one that is prepared.
        trial: of the agent's own task; it is changed.

    Returns:
        The same trial.
    """
    with contextlib.suppress(BudgetSpent):
        agent.search(trial)
    return trial
