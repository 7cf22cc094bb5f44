"""Training with stable-baselines3, from a run's settings to its final model."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from agents import algorithm
from agents.callbacks import Checkpoints, Report, StopOnSignal
from agents.runs import RunFolder, save_model
from agents.settings import RunSettings
from agents.vec_env import SynthVecEnv
from envs_registry import ENVIRONMENTS
from synthgym.envs import SynthEnv
from synthgym.errors import SynthgymError

CHECKPOINTS = 10
"""A run saves about this many checkpoints."""


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: the newest checkpoint is damaged.
    """
    settings = RunSettings.read(folder.config)
    checkpoint = folder.newest()
    stop = StopOnSignal()
    with stop.listening():
        env = VecMonitor(SynthVecEnv(settings.env, settings.num_envs, **settings.env_kwargs))
        try:
            model = _new(settings, env) if checkpoint is None else load_model(settings.agent, checkpoint, env)
            # A resumed run goes on to other targets than it began with.
            env.seed(settings.seed + model.num_timesteps)
            model.set_logger(configure(str(folder.tensorboard), ["tensorboard"]))
            every = max(settings.steps // CHECKPOINTS, 1)
            if model.num_timesteps < settings.steps:
                try:
                    model.learn(
                        settings.steps - model.num_timesteps,
                        callback=CallbackList([Report(settings.steps), Checkpoints(folder, every), stop]),
                        reset_num_timesteps=False,
                    )
                finally:
                    folder.save_checkpoint(model)
            if stop.caught is None:
                save_model(model, folder.final_model)
        finally:
            env.close()
    return int(stop.caught or 0)


def _new(settings: RunSettings, env: VecEnv) -> BaseAlgorithm:
    hyperparameters = settings.hyperparameters
    if isinstance(env.observation_space, gym.spaces.Dict):
        hyperparameters = {**hyperparameters, "policy": "MultiInputPolicy"}
    model = algorithm(settings.agent)(env=env, seed=settings.seed, **hyperparameters)
    # Saved with the model, so that it can be refused where it does not fit.
    model.trained_on = trained_on(settings.env, settings.env_kwargs)  # type: ignore[attr-defined]
    model.renders = 0  # type: ignore[attr-defined]
    return model


def load_model(agent: str, path: Path, env: VecEnv | None = None) -> BaseAlgorithm:
    """Load a saved model of an agent, to train on an environment if one is given.

    Raises:
        SynthgymError: the file is no model of the agent, or was not trained here.
    """
    kind = algorithm(agent)
    if not path.is_file():
        raise SynthgymError(f"no such model: {path}; train one with scripts/train.py")
    try:
        with zipfile.ZipFile(path) as archive:
            known = json.loads(archive.read("data")).get("trained_on")
        model = kind.load(path, env, device="cpu")
    except Exception as error:  # whatever is wrong with the file
        raise SynthgymError(f"{path} is no saved {agent} model; train one with scripts/train.py") from error
    if not isinstance(known, dict) or set(known) != {"env", "env_kwargs", "parameters"}:
        raise SynthgymError(f"{path} was not trained by scripts/train.py; train one there")
    return model


def trained_on(env_id: str, env_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what a model must know of the environment it is trained on, as JSON.

    Raises:
        SynthgymError: the environment is none of ours.
    """
    env = gym.make(env_id, **env_kwargs)
    unwrapped = env.unwrapped
    if not isinstance(unwrapped, SynthEnv):
        raise SynthgymError(f"{env_id} has no synthesiser; choose one of {', '.join(ENVIRONMENTS)}")
    names = list(unwrapped.task.space.names)
    env.close()
    return {"env": env_id, "env_kwargs": env_kwargs, "parameters": names}
