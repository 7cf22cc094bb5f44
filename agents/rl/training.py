"""Training with stable-baselines3, from the config of a run to its final model."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import TensorBoardOutputFormat, configure
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor

from envs_registry import goal_id
from synthgym.checks import number, truth, whole
from synthgym.errors import SynthgymError
from synthgym.registration import is_goal_id, registered
from synthgym.rendering import RenderMeter

from ..training.divergence import Diverged, diverged, has_finite_weights
from ..training.models import Origin
from ..training.preview import Preview
from ..training.refusal import no_model
from ..training.run_config import RunConfig
from ..training.run_folder import CHECKPOINTS, RunFolder
from ..trials.signals import Signals
from .algorithms import CLASSES, METHODS, method
from .callbacks import Checkpoints, Report, StopWhenAsked, StopWhenDiverged
from .guesses import Guesses
from .saved import policy_of_ours, read_objects, read_origin
from .vec_env import SynthVecEnv


def hyperparameter_names(agent: str) -> Collection[str]:
    """Return the names of an agent's hyperparameters."""
    return inspect.signature(method(agent).algorithm).parameters


def training_env(agent: str, env_id: str) -> str:
    """Return the id that an agent is trained on to learn another: the same, or its goal-conditioned twin.

    Args:
        agent: the name of the agent.
        env_id: of the environment that it shall play.

    Returns:
        An environment id.
    """
    return goal_id(env_id) if METHODS[agent].goals and not is_goal_id(env_id) else env_id


def check(run: RunConfig) -> None:
    """Make the environment and the model, so that what cannot be made is known before a folder is."""
    if run.dataset is not None:
        raise SynthgymError(f"{run.agent} learns from no data set; leave --dataset out")
    _check_kinds(run)
    registered(run.env)
    if (most := run.env_kwargs.get("max_episode_steps", -1)) != -1:  # Gymnasium's error is none of ours
        whole("max_episode_steps", most, 1, 10**9)
    with closing(gym.make(run.env, **run.env_kwargs)) as env:
        steps = env.spec.max_episode_steps if env.spec is not None else None
        if run.start_from is not None:
            Guesses(run.start_from, env.get_wrapper_attr("task"), run.seed)
        if METHODS[run.agent].goals:
            _check_hindsight(run, steps)
        one = DummyVecEnv([lambda: env])
        one.num_envs = run.num_envs  # of which a model sees the spaces and the number
        _new(run, one)


def _check_kinds(run: RunConfig) -> None:
    """Raise SynthgymError for a hyperparameter that is no number where the algorithm's own value is one."""
    parameters = inspect.signature(method(run.agent).algorithm).parameters
    for name, value in run.hyperparameters.items():
        usual = parameters[name].default
        if isinstance(usual, bool):
            truth(name, value)
        elif isinstance(usual, int) and name != "train_freq":  # which may be [1, episode]
            whole(name, value, -1, 10**12)
        elif isinstance(usual, float):
            number(name, value, -1e300, 1e300)


def _check_hindsight(run: RunConfig, steps: int | None) -> None:
    """Raise SynthgymError if no whole episode, of so many steps, is there when learning begins."""
    if steps is None:
        raise SynthgymError("hindsight needs episodes that end; give --env-kwargs max_episode_steps=50")
    first = run.num_envs * steps
    # The buffer forgets an episode whose first step is overwritten, and the one that goes on is not whole.
    for name, least in (("learning_starts", first), ("buffer_size", 2 * first)):
        if run.hyperparameters[name] < least:
            raise SynthgymError(
                f"hindsight needs whole episodes: {run.num_envs} environments of {steps} steps need "
                f"--hyperparameters {name}={least} or more; give that, or fewer --num-envs"
            )


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: another process trains it, the newest checkpoint is damaged or of another
            environment, or the training diverged.
    """
    run = RunConfig.read(folder.config)
    with (
        folder.held(),
        closing(_envs(run)) as env,
        closing(configure(str(folder.tensorboard), ["tensorboard"])) as log,
    ):
        (output,) = log.output_formats
        assert isinstance(output, TensorBoardOutputFormat)
        with Signals() as signals, closing(Preview(run, output.writer)) as preview:
            model = _model(run, env, folder.newest())
            model.set_logger(log)
            if model.num_timesteps < run.steps:
                _learn(model, run, folder, preview, signals)
            folder.save_final(model.save)
            preview(folder.final_model, model.num_timesteps, last=True)
    return int(signals.caught or 0) if signals.stopped else 0


def save_untrained(folder: RunFolder, path: Path) -> None:
    """Save the model that the run of a folder begins with, as it is before it learns.

    Args:
        folder: of the run, with its config.
        path: where the model is written.
    """
    run = RunConfig.read(folder.config)
    with closing(_envs(run)) as env:
        _model(run, env, None).save(path)


def _envs(run: RunConfig) -> VecEnv:
    """Return the environments of a run."""
    env = SynthVecEnv(run.env, run.num_envs, **run.env_kwargs)
    if run.start_from is not None:
        env.envs.starter = Guesses(run.start_from, env.envs.task, run.seed)
    return VecMonitor(env)


def _model(run: RunConfig, env: VecEnv, checkpoint: Path | None) -> BaseAlgorithm:
    """Return a new model, or that of a checkpoint, whose renders the task of the environment counts on."""
    (task,) = env.get_attr("task", [0])
    if checkpoint is None:
        model = _new(run, env)
        model.origin = Origin.of(task, run.env, run.env_kwargs).kept()  # type: ignore[attr-defined]
        model.renders = 0  # type: ignore[attr-defined]
    else:
        read_origin(run.agent, checkpoint).check(task, checkpoint)
        model = load(run.agent, checkpoint, env)
    # Saved with the model, as its origin is, so that it can be refused where it does not fit.
    model.agent = run.agent  # type: ignore[attr-defined]
    task.meter = RenderMeter(model.renders)  # type: ignore[attr-defined]
    # A resumed run goes on to other targets than it began with, and with an empty replay buffer.
    env.seed(run.seed + model.num_timesteps)
    if checkpoint is not None and isinstance(model, OffPolicyAlgorithm):
        model.learning_starts = model.num_timesteps + run.hyperparameters["learning_starts"]
    return model


def _learn(
    model: BaseAlgorithm, run: RunConfig, folder: RunFolder, preview: Preview, signals: Signals
) -> None:
    """Train a model to the end of its run, and save a checkpoint, unless its weights are not finite."""
    report = Report(run.steps)
    every = max(run.steps // CHECKPOINTS, 1)
    callbacks = [report, StopWhenDiverged(), Checkpoints(folder, every, preview), StopWhenAsked(signals)]
    steps = run.steps - model.num_timesteps
    cause = ""
    try:
        model.learn(steps, callback=CallbackList(callbacks), reset_num_timesteps=False)
    except ValueError as error:
        # PyTorch's distributions refuse parameters that are not finite: weights are too large.
        if "to satisfy the constraint" in str(error):
            cause = "a distribution of actions is not finite"
        raise
    finally:
        report.close()
        if not has_finite_weights(model.policy):
            cause = "weights are not finite"
        if cause:
            # Whatever else was raised, as an action that is not finite, follows from it.
            raise diverged(folder, model.num_timesteps, Diverged(cause))
        folder.save_checkpoint(model.num_timesteps, model.save)


def _new(run: RunConfig, env: VecEnv) -> BaseAlgorithm:
    hyperparameters: dict[str, Any] = {
        name: CLASSES.get(value, value) if isinstance(value, str) else value
        for name, value in deepcopy(run.hyperparameters).items()  # which stable-baselines3 writes to
    }
    algorithm = method(run.agent).algorithm
    if isinstance(env.observation_space, gym.spaces.Dict):
        hyperparameters["policy"] = "MultiInputPolicy"
        if "MultiInputPolicy" not in algorithm.policy_aliases:
            raise SynthgymError(f"{run.agent} observes no goals; train it on the id without Goal in its name")
    try:
        return algorithm(env=env, seed=run.seed, **hyperparameters)
    except Exception as error:  # stable-baselines3 and PyTorch say in many ways what they cannot take
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise SynthgymError(
            f"{run.agent} cannot be made with these hyperparameters ({why:.300}); give others"
        ) from error


def load(agent: str, path: Path, env: VecEnv | None = None) -> BaseAlgorithm:
    """Load a saved model of an agent, to train on an environment if one is given.

    Nothing that the file holds is run: see ``unpickling``.

    Args:
        agent: the name of the agent.
        path: the file of the model.
        env: to train on; None for a model that only acts.

    Returns:
        The model, on the CPU.

    Raises:
        SynthgymError: the file holds no model of the agent, or was not trained here; the message names the
            cause.
    """
    read_origin(agent, path)
    # Without training there is no need of a replay buffer, and hindsight could not have one without an
    # environment. A seed would be set for the whole process.
    unneeded: dict[str, Any] = {
        "buffer_size": 1,
        "replay_buffer_class": None,
        "replay_buffer_kwargs": {},
        "seed": None,
    }
    replaced = policy_of_ours(agent, path) | (unneeded if env is None else {})
    try:
        replaced = read_objects(agent, path, replaced) | replaced
        return method(agent).algorithm.load(path, env, device="cpu", custom_objects=replaced)
    except SynthgymError:
        raise
    except Exception as error:  # a pickle may raise anything
        cause = f"other versions of packages made it, or it is damaged ({type(error).__name__}: {error})"
        raise no_model(agent, path, cause) from error
