"""A trained policy plays episodes of its environment on a trial's target."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from envs_registry import MAX_EPISODE_STEPS
from synthgym.envs.episodes import ALL, Episodes
from synthgym.envs.goal import GoalEpisodes
from synthgym.rules import RULES, Rules
from synthgym.task import SoundMatchingTask

from ..training.models import Origin, Trained
from ..trials.agent import Agent
from ..trials.trial import Trial
from .training import load


class Policy(Trained):
    """Plays episode after episode and keeps the best: the first deterministic, later ones sampled.

    The first begins at the best that is known, if anything is, all others at patches of the pool.
    """

    def search(self, trial: Trial) -> None:
        """Play until the budget is spent."""
        for episode in itertools.count():
            self._episode(trial, deterministic=episode == 0)

    def start(self, trial: Trial) -> None:
        """Play one episode."""
        self._episode(trial, deterministic=True)

    def _episode(self, trial: Trial, deterministic: bool) -> None:
        path = self.model_of(trial)
        model, made_for = _loaded(self.agent, path)
        trial.count_offline(str(path), model.renders)  # type: ignore[attr-defined]
        # Policies sample by PyTorch's own generator, which is not ours alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(trial.rng.integers(2**63)))
            self._steps(trial, model, made_for, deterministic)

    def _steps(self, trial: Trial, model: BaseAlgorithm, made_for: Origin, deterministic: bool) -> None:
        rules = Rules(**{name: value for name, value in made_for.env_kwargs.items() if name in RULES})
        kind = GoalEpisodes if "Goal-" in made_for.env else Episodes
        episodes = kind(1, rules, trial)
        start, rendered = trial.episode_start()
        episodes.begin([0], trial.shown, start, rendered)
        for _ in range(made_for.env_kwargs.get("max_episode_steps", MAX_EPISODE_STEPS)):
            action, _ = model.predict(episodes.observe(), deterministic=deterministic)
            episodes.nudge(ALL, action)
            if episodes.terminated()[0]:
                break


def origin(agent: str, model: Path) -> Origin:
    """Return where a trained policy comes from; SynthgymError if the file is none of the agent."""
    return _loaded(agent, model)[1]


def prepare(agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
    """Return the agent that plays a task by trained policies; SynthgymError if they are of another."""
    for path in models:
        origin(agent, path).check(task, path)
    return Policy(agent, models)


@lru_cache(8)
def _loaded(agent: str, path: Path) -> tuple[BaseAlgorithm, Origin]:
    with torch.random.fork_rng(devices=[]):  # it begins with random weights
        model = load(agent, path)
    kept: dict[str, Any] = model.origin  # type: ignore[attr-defined]
    return model, Origin(**kept)
