"""Agents in one line, and their searches for an environment's target."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.checks import whole
from synthgym.envs import SynthEnv
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

from .catalogue import Sources, prepare
from .trials.agent import Agent, run
from .trials.pool import DrawnPool
from .trials.trial import Trial


def load(
    agent: str,
    env_id: str,
    *,
    runs: str | os.PathLike[str] = "runs",
    dataset: str | os.PathLike[str] | None = None,
    **env_kwargs: Any,
) -> Agent:
    """Return an agent of an environment, as trained by ``synthgym train`` if it is one that learns.

    Args:
        agent: its name, or that of a hybrid, see ``agents.catalogue``: ``ppo``, ``nearest+mlp``.
        env_id: id of the environment.
        runs: folder of the runs of ``synthgym train``.
        dataset: folder of the data set that ``nearest`` looks up.
        **env_kwargs: keywords of the environment.

    Returns:
        The agent, ready for trials of tasks of this environment.

    Raises:
        SynthgymError: no such agent, or it was not trained.
        gymnasium.error.Error: no such environment.
    """
    task = make_task(env_id, env_kwargs)
    try:
        sources = Sources(env=env_id, runs=Path(runs), dataset=None if dataset is None else Path(dataset))
        return prepare(agent, task, sources)
    finally:
        task.close()


def match(agent: Agent, env: gym.Env[Any, Any], renders: int = 20, seed: int = 0) -> Trial:
    """Let an agent search for the target of an environment's episode, which stays as it is.

    Args:
        agent: as ``load`` returns it.
        env: after its ``reset``.
        renders: that the agent may spend.
        seed: of the starts and of all that is random.

    Returns:
        The trial, of which ``best.unit`` are the parameters (n,) of the nearest sound that was found, at
        ``best.distance``; ``distances`` those of all renders, in their order.
    """
    synth = env.unwrapped
    if not isinstance(synth, SynthEnv):
        raise SynthgymError(f"{env} is no environment of synthgym")
    whole("renders", renders, 1, 10**9)
    whole("seed", seed, 0, 2**32 - 1)
    target = Rendered((synth.target_features[None],))
    return search(agent, synth.task, target, synth.episodes.notes[0].copy(), renders, seed)


def search(
    agent: Agent,
    task: SoundMatchingTask,
    target: Rendered,
    played: NDArray[np.float64],
    renders: int,
    seed: int,
    kind: type[Trial] = Trial,
) -> Trial:
    """Let an agent search for a target, one sound; return the trial.

    Args:
        agent: that searches.
        task: renders.
        target: rendered.
        played: the note that it is of, (3,).
        renders: that the agent may spend.
        seed: of the starts and of all that is random.
        kind: of trial.

    Returns:
        The trial at its end, which has the best answer and the distance after each render.
    """
    pool = DrawnPool(task, seed, renders)
    return run(agent, kind(task, target, renders, pool, np.random.default_rng(seed), played))
