"""Which agents are trained, and by which module."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from synthgym.checks import one_of
from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask

from ..spec import AgentSpec
from ..trials.agent import Agent
from .models import OF_ANY_SYNTH, SHARED, Origin
from .run_config import RunConfig
from .run_folder import RunFolder


class Learner(Protocol):
    """What the module of an agent that is trained has."""

    def hyperparameter_names(self, agent: str) -> Collection[str]:
        """Return the names of an agent's hyperparameters."""

    def training_env(self, agent: str, env_id: str) -> str:
        """Return the id of the environment that an agent is trained on to learn another.

        Args:
            agent: the name of the agent.
            env_id: of the environment that it shall play.

        Returns:
            An environment id, often the same.
        """

    def check(self, run: RunConfig) -> None:
        """Raise SynthgymError for a config that cannot be trained with."""

    def train(self, folder: RunFolder) -> int:
        """Train the run of a folder to its end; return 0, or the number of the signal that ended it.

        Progress is shown; Ctrl-C, SIGTERM and errors end it with a checkpoint, from which it goes on.
        """

    def origin(self, agent: str, model: Path) -> Origin:
        """Return where a trained model comes from; SynthgymError if it is no model of the agent.

        Args:
            agent: the name of the agent.
            model: the file of the model.

        Returns:
            Environment, keywords, feature and identity of the task it was trained on.
        """

    def prepare(self, agent: str, task: SoundMatchingTask, models: Sequence[Path]) -> Agent:
        """Return the agent that searches by trained models; SynthgymError if they do not fit the task.

        Args:
            agent: the name of the agent.
            task: what the agent shall play.
            models: files of models, one or more.

        Returns:
            The agent, which can search.
        """


# By name, as PyTorch takes seconds to import.
LEARNERS = {
    **dict.fromkeys(("ppo", "sac", "sac_her", "ars", "es"), "rl"),
    **dict.fromkeys(("mlp", "lstm", "ppo_imitation", "transformer"), "supervised"),
    "guided": "guided",
}
GUESS = 11
"""Renders for the guess at which an episode starts, at most: ``mlp`` makes ten, and one is left."""


def learner(agent: str) -> Learner:
    """Return how an agent is trained; UnknownNameError if no such agent is."""
    one_of("agent that is trained", agent, LEARNERS)
    return cast(Learner, importlib.import_module(f"..{LEARNERS[agent]}", __package__))


def prepare_run(agent: str, run: Path, task: SoundMatchingTask) -> Agent:
    """Return an agent, prepared from the folder of a run or the file of a model.

    Args:
        agent: the name of the agent.
        run: the folder of a run, or the file of a model.
        task: what the agent shall play.

    Returns:
        The agent, which can search.

    Raises:
        SynthgymError: there is no such model, or it does not fit the task.
    """
    model = RunFolder(run).final_model if run.is_dir() else run
    return learner(agent).prepare(agent, task, [model.resolve()])


def make_config(env_id: str, agent: str, seed: int, **options: Any) -> RunConfig:
    """Return the config of a new run.

    Args:
        env_id: of the environment that is to be learned.
        agent: name of the agent.
        seed: of the run.
        **options: of ``RunConfig.make``.

    Returns:
        The config; nothing is written.

    Raises:
        SynthgymError: an unknown agent or hyperparameter, or a count out of range.
    """
    how = learner(agent)
    allowed = how.hyperparameter_names(agent)
    return RunConfig.make(how.training_env(agent, env_id), agent, seed, allowed=allowed, **options)


def has_learned(spec: AgentSpec) -> bool:
    """Return whether an agent, or one of a hybrid, is trained."""
    return any(part.name in LEARNERS for part in spec.parts)


def origin_of(spec: AgentSpec, model: Path, env_id: str) -> Origin:
    """Return where the model of a spec's first agent comes from.

    Args:
        spec: whose first agent is looked at.
        model: the file of the model.
        env_id: of the environment that is to be played.

    Returns:
        The model's origin, of the environment that agents which play ``env_id`` are trained on.

    Raises:
        SynthgymError: it is a model of another agent, or was trained on another environment.
    """
    agent = spec.parts[0].name
    one_of("agent with a model", agent, LEARNERS)
    how = learner(agent)
    origin = how.origin(agent, model)
    if agent == OF_ANY_SYNTH and origin.env != env_id:  # of it only the note counts
        shared = {k: v for k, v in origin.env_kwargs.items() if k in SHARED}
        return replace(origin, env=env_id, env_kwargs=shared)
    if origin.env != how.training_env(agent, env_id):
        raise SynthgymError(f"{model} was trained on {origin.env}, not {env_id}; pass --env {origin.env}")
    return origin
