"""A trained network names the parameters of a trial's target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from agents.agent import Agent
from agents.models import Origin
from agents.supervised.model import Model
from agents.trial import Trial
from synthgym.task import SoundMatchingTask


class Guess(Agent):
    """Renders what a network names, once.

    Args:
        agent: name of the agent.
        models: of as many trainings; a trial's number says by which it is played.
    """

    def __init__(self, agent: str, models: Sequence[Path]) -> None:
        self._agent, self._models = agent, models

    def play(self, trial: Trial) -> None:
        """Render it."""
        path = self._models[trial.number % len(self._models)]
        model = _loaded(self._agent, path)
        trial.draw_on(model.dataset, model.dataset_renders)
        trial.draw_on(str(path), model.renders)
        trial(model.guess(trial.target.features[0]))


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained network comes from; SynthgymError if the file is none of the agent."""
    return _loaded(agent, model).origin


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that plays a task by trained networks; SynthgymError if they are of another."""
    for path in models:
        origin(agent, path).check(task, path)
    return Guess(agent, models)


@lru_cache(8)
def _loaded(agent: str, path: Path) -> Model:
    return Model.load(agent, path)[0]
