"""A trained policy that matches a target within a budget of renders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.training import load_model, trained_on
from synthgym.checks import whole
from synthgym.envs import SynthEnv
from synthgym.errors import SynthgymError
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.targets import AudiblePatches
from synthgym.task import SoundMatchingTask


@dataclass
class Match:
    """The best sound that was found for a target.

    Attributes:
        parameters: its unit vector (n,).
        audio: its render (samples,).
        distance: how far it is from the target.
        history: the distance of every render, in order; the start is the first.
        offline_renders: sounds made before the target was known: in training, and for starts.
    """

    parameters: Unit
    audio: Audio
    distance: float
    history: list[float]
    offline_renders: int


def load_policy(agent: str, path: str | Path, env_id: str) -> tuple[BaseAlgorithm, gym.Env[Any, Any]]:
    """Load a trained model and make the environment it was trained on.

    Raises:
        SynthgymError: the file is missing or no model, or it was trained on another environment.
    """
    path = Path(path)
    model = load_model(agent, path)
    known = model.trained_on  # type: ignore[attr-defined]
    if known["env"] != env_id:
        raise SynthgymError(f"{path} was trained on {known['env']}, not {env_id}; pass --env {known['env']}")
    env = gym.make(env_id, **known["env_kwargs"])
    same = known == trained_on(env_id, known["env_kwargs"])
    spaces = (model.observation_space, model.action_space)
    if not same or spaces != (env.observation_space, env.action_space):
        raise SynthgymError(f"{path} was trained on other parameters of {env_id}; train it again")
    return model, env


def match(
    model: BaseAlgorithm, env: gym.Env[Any, NDArray[np.float32]], target: Audio, budget: int, seed: int = 0
) -> Match:
    """Let a policy match a target audio (samples,) within a budget of renders.

    Episodes begin at audible patches of the seed's pool, made before the target is known. The first
    episode is deterministic, later ones are sampled. Every render counts, the starts included.

    Raises:
        SynthgymError: a budget below 1.
    """
    whole("budget", budget, 1, 10**9)
    whole("seed", seed, 0, 2**32 - 1)
    synth_env = env.unwrapped
    assert isinstance(synth_env, SynthEnv)
    pool = _Pool(synth_env.task, seed)
    model.set_random_seed(seed)
    best: Match | None = None
    history: list[float] = []
    for distance in itertools.islice(_distances(model, env, target, pool), budget):
        history.append(distance)
        if best is None or distance < best.distance:
            best = Match(synth_env.parameters, synth_env.audio, distance, history, 0)
    assert best is not None
    best.offline_renders = pool.renders + model.renders  # type: ignore[attr-defined]
    return best


class _Pool:
    """Audible patches to start from, made before the target is known.

    Attributes:
        renders: what they cost.
    """

    def __init__(self, task: SoundMatchingTask, seed: int) -> None:
        self.renders = 0
        self._task = task
        self._patches = AudiblePatches("pool", seed)

    def __getitem__(self, number: int) -> Unit:
        drawn = self._task.draw(self._patches.items([number]), count=False)
        self.renders += int(drawn.renders[0])
        unit: Unit = drawn.unit[0]
        return unit


def _distances(
    model: BaseAlgorithm, env: gym.Env[Any, NDArray[np.float32]], target: Audio, pool: _Pool
) -> Iterator[float]:
    """Play episodes without end, and give the distance after each render."""
    for episode in itertools.count():
        observation, info = env.reset(options={"target_audio": target, "start": pool[episode]})
        yield info["distance"]
        ended = False
        while not ended:
            action, _ = model.predict(observation, deterministic=episode == 0)
            observation, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            yield info["distance"]
