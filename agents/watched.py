"""A trial that a person waits for: its progress is shown, and it can be ended at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from tqdm import tqdm

from agents.signals import Signals
from agents.trial import BudgetSpent, Trial
from synthgym.parameters import Unit
from synthgym.rendering import Heard


@dataclass
class WatchedTrial(Trial):
    """Shows a progress bar with the best distance so far; a signal ends it as if its budget were spent.

    Attributes:
        signals: that may end it.
    """

    signals: Signals = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bar = tqdm(total=self.budget, unit=" renders", desc="matching")

    def hear(self, unit: Unit, *, audio: bool = False) -> Heard:
        """As of any trial.

        Raises:
            BudgetSpent: also when a signal came.
        """
        if self.signals.caught is not None:
            raise BudgetSpent
        try:
            return super().hear(unit, audio=audio)
        finally:
            self._bar.update(len(self.distances) - self._bar.n)
            if self.best is not None:
                self._bar.set_postfix_str(f"best distance {self.best.distance:.3f}", refresh=False)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
