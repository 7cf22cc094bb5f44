"""Training with stable-baselines3, from a run's settings to its final model."""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import TensorBoardOutputFormat, configure
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from envs_registry import goal_id
from synthgym.errors import SynthgymError
from synthgym.making import registered

from ..training.models import Origin
from ..training.preview import Preview
from ..training.run_config import RunConfig
from ..training.run_folder import CHECKPOINTS, RunFolder
from ..trials.signals import Signals
from .algorithms import CLASSES, METHODS, method
from .callbacks import Checkpoints, Report, StopWhenAsked
from .vec_env import SynthVecEnv


def arguments(agent: str) -> Collection[str]:
    """Return the names of an agent's hyperparameters."""
    return inspect.signature(method(agent).algorithm).parameters


def played(agent: str, env_id: str) -> str:
    """Return the id that an agent plays to learn an environment: its own, or its goal-conditioned twin."""
    return goal_id(env_id) if METHODS[agent].goals and "Goal-" not in env_id else env_id


def check(settings: RunConfig) -> None:
    """Make the environment, so that what cannot be made is known before a folder is."""
    if settings.dataset is not None:
        raise SynthgymError(f"{settings.agent} learns from no data set; leave --dataset out")
    registered(settings.env)
    gym.make(settings.env, **settings.env_kwargs).close()


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: the newest checkpoint is damaged.
    """
    settings = RunConfig.read(folder.config)
    checkpoint = folder.newest()
    env = VecMonitor(SynthVecEnv(settings.env, settings.num_envs, **settings.env_kwargs))
    try:
        log = configure(str(folder.tensorboard), ["tensorboard"])
        (output,) = log.output_formats
        assert isinstance(output, TensorBoardOutputFormat)
        with Signals() as signals, closing(Preview(settings, output.writer)) as show:
            model = _new(settings, env) if checkpoint is None else load(settings.agent, checkpoint, env)
            # A resumed run goes on to other targets than it began with, and with an empty replay buffer.
            env.seed(settings.seed + model.num_timesteps)
            if checkpoint is not None and isinstance(model, OffPolicyAlgorithm):
                model.learning_starts = model.num_timesteps + settings.hyperparameters["learning_starts"]
            model.set_logger(log)
            every = max(settings.steps // CHECKPOINTS, 1)
            if model.num_timesteps < settings.steps:
                report = Report(settings.steps)
                callbacks = [report, Checkpoints(folder, every, show), StopWhenAsked(signals)]
                try:
                    model.learn(
                        settings.steps - model.num_timesteps,
                        callback=CallbackList(callbacks),
                        reset_num_timesteps=False,
                    )
                finally:
                    report.close()
                    folder.save_checkpoint(model.num_timesteps, model.save)
            folder.save_final(model.save)
            show(folder.final_model, model.num_timesteps, last=True)
    finally:
        env.close()
    return int(signals.caught or 0)


def _new(settings: RunConfig, env: VecEnv) -> BaseAlgorithm:
    hyperparameters: dict[str, Any] = {
        name: CLASSES.get(value, value) if isinstance(value, str) else value
        for name, value in settings.hyperparameters.items()
    }
    if isinstance(env.observation_space, gym.spaces.Dict):
        hyperparameters["policy"] = "MultiInputPolicy"
    model = method(settings.agent).algorithm(env=env, seed=settings.seed, **hyperparameters)
    # Saved with the model, so that it can be refused where it does not fit.
    (task,) = env.get_attr("task", [0])
    model.origin = Origin.of(task, settings.env, settings.env_kwargs).kept()  # type: ignore[attr-defined]
    model.renders = 0  # type: ignore[attr-defined]
    return model


def load(agent: str, path: Path, env: VecEnv | None = None) -> BaseAlgorithm:
    """Load a saved model of an agent, to train on an environment if one is given.

    Raises:
        SynthgymError: the file is no model of the agent, or was not trained here.
    """
    kind = method(agent).algorithm
    if not path.is_file():
        raise SynthgymError(f"no such model: {path}; train one with scripts/train.py")
    try:
        with zipfile.ZipFile(path) as archive:
            known = json.loads(archive.read("data")).get("origin")
        # Who only plays needs no replay buffer, and hindsight could not have one without an environment.
        # A seed would be set for the whole process.
        unneeded: dict[str, Any] = {
            "buffer_size": 1,
            "replay_buffer_class": None,
            "replay_buffer_kwargs": {},
            "seed": None,
        }
        model = kind.load(path, env, device="cpu", custom_objects=unneeded if env is None else None)
    except Exception as error:  # whatever is wrong with the file
        raise SynthgymError(f"{path} is no saved {agent} model; train one with scripts/train.py") from error
    if known is None:
        raise SynthgymError(f"{path} was not trained by scripts/train.py; train one there")
    return model
