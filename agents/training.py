"""Training with stable-baselines3, from a run's settings to its final model."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv

from agents import algorithm
from agents.callbacks import Checkpoints, Report, StopOnSignal
from agents.runs import RunFolder, save_model
from agents.settings import RunSettings
from synthgym.envs import SynthEnv

CHECKPOINTS = 10
"""A run saves about this many checkpoints."""


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C and SIGTERM end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.
    """
    settings = RunSettings.read(folder.config)
    checkpoint = folder.newest()
    env = make_vec_env(settings.env, settings.num_envs, env_kwargs=settings.env_kwargs)
    try:
        model = _new(settings, env) if checkpoint is None else algorithm(settings.agent).load(checkpoint, env)
        # A resumed run goes on to other targets than it began with.
        env.seed(settings.seed + model.num_timesteps)
        model.set_logger(configure(str(folder.tensorboard), ["tensorboard"]))
        stop = StopOnSignal()
        every = max(settings.steps // CHECKPOINTS, 1)
        if model.num_timesteps < settings.steps:
            with stop.listening():
                model.learn(
                    settings.steps - model.num_timesteps,
                    callback=CallbackList([Report(settings.steps), Checkpoints(folder, every), stop]),
                    reset_num_timesteps=False,
                )
        if stop.caught is not None:
            folder.save_checkpoint(model)
            return int(stop.caught)
        folder.save_checkpoint(model)
        save_model(model, folder.final_model)
        return 0
    finally:
        env.close()


def _new(settings: RunSettings, env: VecEnv) -> BaseAlgorithm:
    model = algorithm(settings.agent)(env=env, seed=settings.seed, **settings.hyperparameters)
    # Saved with the model, so that it can be refused where it does not fit.
    model.trained_on = trained_on(settings.env, settings.env_kwargs)  # type: ignore[attr-defined]
    return model


def trained_on(env_id: str, env_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what a model must know of the environment it is trained on, as JSON."""
    env = gym.make(env_id, **env_kwargs)
    unwrapped = env.unwrapped
    assert isinstance(unwrapped, SynthEnv)
    names = list(unwrapped.task.space.names)
    env.close()
    return {"env": env_id, "env_kwargs": env_kwargs, "parameters": names}
