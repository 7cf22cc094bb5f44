"""A control: the agent that follows it is shown another sound than the target."""

from __future__ import annotations

from ..trials.agent import Agent
from ..trials.pool import MOST_STARTS
from ..trials.trial import Trial


class ShuffledTarget(Agent):
    """Shows a random patch of the pool in place of the target.

    ``shuffled_target+mlp`` is what ``mlp`` finds when it is shown that sound, while what it renders is still
    compared with the true target. An agent that makes use of its target is much worse with this one. (With
    a budget of one render the pool has one patch, which is also where a policy starts.)
    """

    def guess(self, trial: Trial) -> None:
        """Show a patch in place of the target; this is no render of the trial."""
        trial.pool.reach(MOST_STARTS)
        patch = int(trial.rng.integers(len(trial.pool.unit)))
        trial.shown = trial.source.render(trial.pool.unit[[patch]], trial.notes)
        trial.count_offline("shuffled_target", int(trial.pool.renders[patch]))

    def search(self, trial: Trial) -> None:
        """Answer with silence: by itself, it has nothing to go by."""
        trial.answer_silence()
