"""How ids come to be known to Gymnasium."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from envs_registry import ENVIRONMENTS, MAX_EPISODE_STEPS, goal_id
from synthgym.errors import SynthgymError, UnknownNameError, quoted

ENTRY_POINT, GOAL_ENTRY_POINT = "synthgym.envs:SynthEnv", "synthgym.envs:SynthGoalEnv"
_ID = r"([\w:-]+/)?[\w:.-]+-v\d+"
"""Ids of Gymnasium's that have a version."""


def register(env_id: str, keywords: Mapping[str, Any]) -> None:
    """Register an id and its goal-conditioned twin, made with the keywords of SynthEnv.

    Args:
        env_id: such as "Name-v0"; one that is registered already is replaced.
        keywords: the keywords of SynthEnv, which ``gymnasium.make`` may override.
    """
    for name, entry_point in ((env_id, ENTRY_POINT), (goal_id(env_id), GOAL_ENTRY_POINT)):
        gymnasium.register(
            name,
            entry_point=entry_point,
            vector_entry_point=f"{entry_point.removesuffix('Env')}VectorEnv",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs=dict(keywords),
        )


def spec_of(env_id: str) -> EnvSpec:
    """Return how an id is registered, ``module:MySynth-v0`` by a module of yours that is imported for it.

    Raises:
        gymnasium.error.Error: it is unknown.
        SynthgymError: there is no such module.
    """
    if not isinstance(env_id, str):
        raise SynthgymError(f"an environment is named by its id; got {quoted(env_id)}")
    module, _, name = env_id.rpartition(":")
    if module:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise SynthgymError(f"{env_id}: {error}; is it on the path?") from error
    return gymnasium.spec(name)


def known_id(env_id: str) -> str:
    """Return an environment id as Gymnasium knows it; UnknownNameError with near matches if it does not."""
    env_id = env_id.removeprefix("synthgym:")
    if ":" not in env_id and env_id not in gymnasium.registry:
        ours = [i for name in ENVIRONMENTS for i in (name, goal_id(name))]
        raise UnknownNameError("environment", env_id, ours)
    spec_of(env_id)
    return env_id


def registered(env_id: str) -> dict[str, Any]:
    """Return the keywords that an environment is registered with; SynthgymError if it is none of ours."""
    keywords = spec_of(env_id).kwargs
    if "synth" not in keywords:
        raise SynthgymError(f"{env_id} has no synthesiser; choose one of synthgym's environments")
    return keywords


def is_goal_id(env_id: str) -> bool:
    """Return whether a registered id is goal-conditioned, whatever its name; Gymnasium's error if unknown."""
    return spec_of(env_id).entry_point == GOAL_ENTRY_POINT


def register_plugin(env_id: str, plugin: str | os.PathLike[str], **keywords: Any) -> None:
    """Register an id of your own for a plugin: ``register_plugin("MySynth-v0", "/path/My.vst3")``.

    Call it where a module of yours is imported, and ``gym.make("my_module:MySynth-v0")`` finds it in
    every process; ``synthgym train --env my_module:MySynth-v0`` too.

    Args:
        env_id: with a version, as ``MySynth-v0``; its goal-conditioned twin is ``MySynthGoal-v0``.
        plugin: path of a VST2 or VST3 plugin, or URI of an LV2 plugin.
        **keywords: of SynthEnv and PluginSynth: ``parameters``, ``frozen``, ``isolation``, ``note``, ...
    """
    if not isinstance(env_id, str) or not re.fullmatch(_ID, env_id):
        with_version = f"{env_id}-v0"
        tip = f", try {with_version!r}" if re.fullmatch(_ID, with_version) else ""
        raise SynthgymError(f"an id has a name and a version, as MySynth-v0; got {quoted(env_id)}{tip}")
    if not isinstance(plugin, str | os.PathLike):
        raise SynthgymError(f"plugin is the path of a plugin, or its URI; got {quoted(plugin)}")
    path = os.fspath(plugin)
    if os.path.exists(path):  # noqa: PTH110, or it is the URI of an LV2 plugin
        path = os.path.abspath(path)  # noqa: PTH100, the environment may be made in another folder
    register(env_id, {"synth": "plugin", "plugin": path, **keywords})
