"""What the file of a policy says of itself, read without running anything that it holds.

stable-baselines3 saves a zip file with a JSON file, ``data``, in it. Some of its values are pickles, and to
unpickle is to run a program; where a policy comes from stands beside them in plain JSON.
"""

from __future__ import annotations

import json
import pickle
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from synthgym.errors import SynthgymError

from ..training.models import Origin, read_counts
from ..training.refusal import check_is_zip, made, no_model
from .unpickling import unpickled


def read_origin(agent: str, path: Path) -> Origin:
    """Return where the policy in a file comes from.

    Args:
        agent: the name of the agent.
        path: the file of the model.

    Returns:
        The origin that was saved with the model.

    Raises:
        SynthgymError: the file holds no policy of the agent, or none that was trained here; the message names
            the cause.
    """
    data, members = _read_data(agent, path)
    if "origin" not in data:
        raise SynthgymError(f"{path} was not trained by synthgym train; train one there")
    if (saved := _agent_of(data, members)) != agent:
        raise no_model(agent, path, f"it is a model of {saved}")
    with made(agent, path):
        read_counts(data, "renders", "num_timesteps")
        return Origin.read(data["origin"])


def policy_of_ours(agent: str, path: Path) -> dict[str, str]:
    """Return ``policy_class`` by its name, if a file names the class by its module; otherwise nothing.

    Files from before the name was saved do: as ``agents.rl.population``, of the clone that made them.
    To load them by the name imports no module that may be somebody else's.

    Args:
        agent: name of the agent.
        path: of the saved policy.

    Returns:
        For ``custom_objects`` of stable-baselines3's ``load``.
    """
    kept = _read_data(agent, path)[0].get("policy_class")
    module = str(kept.get("__module__", "")) if isinstance(kept, dict) else ""
    return {"policy_class": "NoisyPolicy"} if module.endswith(".rl.population") else {}


def read_objects(agent: str, path: Path, leave_out: Collection[str]) -> dict[str, Any]:
    """Return what is pickled in a saved policy, by name; nothing unknown is called for it.

    Args:
        agent: name of the agent.
        path: of the saved policy.
        leave_out: names that nobody needs.

    Returns:
        For ``custom_objects`` of stable-baselines3's ``load``.

    Raises:
        SynthgymError: a pickle would call what no policy of ours needs.
        Exception: of any kind, if a pickle is damaged.
    """
    try:
        return unpickled(_read_data(agent, path)[0], leave_out)
    except pickle.UnpicklingError as error:
        raise no_model(agent, path, f"it is damaged, or holds more than a policy ({error})") from error


def _read_data(agent: str, path: Path) -> tuple[dict[str, Any], Collection[str]]:
    """Return the JSON of a saved policy, and the names of the files that were saved with it."""
    check_is_zip(agent, path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            data = json.loads(archive.read("data")) if "data" in members else None
    except (zipfile.BadZipFile, zlib.error, ValueError, RecursionError, RuntimeError, OSError) as error:
        raise no_model(agent, path, f"it is damaged ({error})") from error
    if not isinstance(data, dict):
        raise no_model(agent, path, "stable-baselines3 did not write it")
    return data, members


def _agent_of(data: dict[str, Any], members: Collection[str]) -> str:
    """Return the name of the agent; files from before it was saved are told apart by what they hold."""
    if "agent" in data:
        return str(data["agent"])
    if "delta_std_schedule" in data:
        return "es" if "optimizer.pth" in members else "ars"
    if "target_entropy" in data:
        return "sac_her" if "n_sampled_goal" in str(data.get("replay_buffer_kwargs")) else "sac"
    return "ppo"
