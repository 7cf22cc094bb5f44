"""A trained policy that matches a target within a budget of renders."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from agents import algorithm
from agents.training import trained_on
from envs_registry import MAX_EPISODE_STEPS
from synthgym.envs import SynthEnv
from synthgym.errors import SynthgymError
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.targets import AudiblePatches


@dataclass
class Match:
    """The best sound that was found for a target.

    Attributes:
        parameters: its unit vector (n,).
        audio: its render (samples,).
        distance: how far it is from the target.
        history: the distance of every render, in order; the start is the first.
        offline_renders: sounds made before the target was known, for starts.
    """

    parameters: Unit
    audio: Audio
    distance: float
    history: list[float]
    offline_renders: int


def load_policy(agent: str, path: str | Path, env_id: str) -> BaseAlgorithm:
    """Load a trained model for an environment.

    Its ``trained_on`` holds the environment's keywords.

    Raises:
        SynthgymError: the file is missing or no model, or it was trained on another environment.
    """
    kind, path = algorithm(agent), Path(path)
    if not path.is_file():
        raise SynthgymError(f"no such model: {path}; train one with scripts/train.py")
    try:
        model = kind.load(path, device="cpu")
    except (zipfile.BadZipFile, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise SynthgymError(f"{path} is no saved {agent} model; train one with scripts/train.py") from error
    known = getattr(model, "trained_on", None)
    if known is None:
        raise SynthgymError(f"{path} was not trained by scripts/train.py; train one for {env_id}")
    if known["env"] != env_id:
        raise SynthgymError(f"{path} was trained on {known['env']}, not {env_id}; pass --env {known['env']}")
    if known != trained_on(env_id, known["env_kwargs"]):
        raise SynthgymError(f"{path} was trained on other parameters of {env_id}; train it again")
    return model


def match(
    model: BaseAlgorithm, env: gym.Env[Any, NDArray[np.float32]], target: Audio, budget: int, seed: int = 0
) -> Match:
    """Let a policy match a target audio (samples,) within a budget of renders.

    Episodes begin at audible patches of the seed's pool, made before the target is known. The first
    episode is deterministic, later ones are sampled. Every render counts, the starts included.

    Raises:
        SynthgymError: a budget below 1.
    """
    if budget < 1:
        raise SynthgymError(f"budget must be at least 1 render; got {budget}")
    synth_env = env.unwrapped
    assert isinstance(synth_env, SynthEnv)
    task = synth_env.task
    task.renders = 0
    pool = AudiblePatches(task.space, task.render, "pool", seed)
    # An episode of full length needs one start; more are needed only after successes.
    starts, _ = pool.items(range(-(-budget // MAX_EPISODE_STEPS)))
    offline_renders = task.renders
    model.set_random_seed(seed)
    best: Match | None = None
    history: list[float] = []
    for distance in itertools.islice(_distances(model, env, target, starts), budget):
        history.append(distance)
        if best is None or distance < best.distance:
            best = Match(synth_env.parameters, synth_env.audio, distance, history, offline_renders)
    assert best is not None
    return best


def _distances(
    model: BaseAlgorithm, env: gym.Env[Any, NDArray[np.float32]], target: Audio, starts: Unit
) -> Iterator[float]:
    """Play episodes without end, and give the distance after each render."""
    for episode, start in enumerate(itertools.cycle(starts)):
        observation, info = env.reset(options={"target_audio": target, "start": start})
        yield info["distance"]
        ended = False
        while not ended:
            action, _ = model.predict(observation, deterministic=episode == 0)
            observation, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            yield info["distance"]
