"""A trained policy searches in episodes of its environment with a trial's target."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import gymnasium as gym
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from envs_registry import MAX_EPISODE_STEPS
from synthgym.envs.episodes import ALL, Episodes
from synthgym.envs.goal import GoalEpisodes
from synthgym.rules import RULES, Rules
from synthgym.task import SoundMatchingTask

from ..training.file_cache import cached_by_file
from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .saved import read_origin
from .training import load


class Policy(Trained):
    """Runs one episode after the other; the actions of the first are deterministic, those of others sampled.

    The first begins at the best that is known, if anything is, all others at patches of the pool.
    """

    def search(self, trial: Trial) -> None:
        """Run episodes until the budget is spent."""
        for episode in itertools.count():
            self._episode(trial, deterministic=episode == 0)

    def guess(self, trial: Trial) -> None:
        """Run one episode."""
        self._episode(trial, deterministic=True)

    def _episode(self, trial: Trial, deterministic: bool) -> None:
        path = self.model_of(trial)
        model, made_for = _loaded(self.agent, path)
        made_for.check_played(trial, path)
        trial.count_offline(str(path), model.renders)  # type: ignore[attr-defined]
        # Policies sample by PyTorch's own generator, which is not ours alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(trial.rng.integers(2**63)))
            self._steps(trial, model, made_for, deterministic)

    def _steps(self, trial: Trial, model: BaseAlgorithm, made_for: Origin, deterministic: bool) -> None:
        rules = Rules(**{name: value for name, value in made_for.env_kwargs.items() if name in RULES})
        # What the policy observes says it, whatever the id of its environment is called.
        kind = GoalEpisodes if isinstance(model.observation_space, gym.spaces.Dict) else Episodes
        episodes = kind(1, rules, trial, note=made_for.note)
        start, rendered = trial.episode_start(rules.starts)
        episodes.begin([0], trial.shown, trial.notes, start, rendered)
        for _ in range(made_for.env_kwargs.get("max_episode_steps", MAX_EPISODE_STEPS)):
            # Where an undone step leaves all as it was, the same action would be undone again.
            action, _ = model.predict(episodes.observe(), deterministic=deterministic and not rules.keep_best)
            episodes.nudge(ALL, action)
            if episodes.terminated()[0]:
                break


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained policy comes from, without running anything that its file holds.

    Args:
        agent: the name of the agent.
        model: the file of the model.

    Returns:
        The origin that was saved with the model.

    Raises:
        SynthgymError: the file holds no policy of the agent.
    """
    return read_origin(agent, model)


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that searches by trained policies; SynthgymError if they do not fit the task.

    Args:
        agent: the name of the agent.
        task: what the agent shall play.
        models: files of models, one or more.

    Returns:
        The agent, which can search.
    """
    for path in models:
        origin(agent, path).check(task, path)
    for path in models:
        _loaded(agent, path)  # so that a damaged one fails now rather than in the midst of a search
    return Policy(agent, models)


@cached_by_file(8)
def _loaded(agent: str, path: Path) -> tuple[BaseAlgorithm, Origin]:
    with torch.random.fork_rng(devices=[]):  # it begins with random weights
        model = load(agent, path)
    return model, read_origin(agent, path)
