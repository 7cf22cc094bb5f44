"""Final models of all learners, changed."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from agents import api
from agents.training.run_config import RunConfig

from .files import SHORT, in_short, ran
from .mutation import mutated_bytes, mutated_json, mutated_value, pick
from .trying import Attempt

_FEW = ("rollouts=1", "validate_every=2", "validate_on=8", "batch_size=8")
LEARNED: dict[str, tuple[str, ...]] = {
    "ppo": ("--steps", "20", "--num-envs", "2", "--hyperparameters", "n_steps=10"),
    "es": ("--steps", "40", "--num-envs", "2", "--hyperparameters", "n_delta=1"),
    "mlp": ("--steps", "3", "--hyperparameters", *_FEW, "width=8", "rounds=1"),
    "transformer": ("--steps", "2", "--hyperparameters", *_FEW),
    "guided": ("--steps", "1"),
    "sac": ("--steps", "20", "--num-envs", "1", "--hyperparameters", "learning_starts=5"),
}
"""How each learner is trained, in seconds."""


def models(folder: Path) -> Attempt:
    """The final model and the config of a run of each learner: members of the zip, their values, their bytes.

    What is read is searched with, as by ``synthgym_agents.load`` and ``match``.
    """
    samples = {}
    for agent, options in LEARNED.items():
        run = folder / f"FM-v0-{agent}-0"
        ran("train.py", "--agent", agent, "--log-dir", run, *in_short(), *options, folder=folder)
        samples[agent] = (run / "final_model.zip").read_bytes()
    short: dict[str, Any] = SHORT
    env = gym.make("FM-v0", **short)
    env.reset(seed=0)
    count = itertools.count()

    def attempt(rng: np.random.Generator) -> object:
        agent, other = pick(rng, list(samples)), pick(rng, list(samples))
        runs = folder / f"runs{next(count)}"
        run = runs / f"FM-v0-{agent}-0"
        shutil.copytree(folder / run.name, run)
        try:
            if rng.random() < 0.1:
                shutil.copy(folder / f"FM-v0-{other}-0/final_model.zip", run)
            else:
                (run / "final_model.zip").write_bytes(changed_model(rng, samples[agent]))
            RunConfig.read(run / "config.yml")
            trial = api.match(api.load(agent, "FM-v0", runs=runs, **short), env, renders=3)
            return trial.best
        finally:
            shutil.rmtree(runs)

    return attempt


def changed_model(rng: np.random.Generator, data: bytes) -> bytes:
    """Return the zip of a model with a member changed, lost, doubled or swapped, or its bytes."""
    if rng.random() < 0.15:
        return mutated_bytes(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if "data" not in members and rng.random() < 0.7:  # written by PyTorch alone
        file = io.BytesIO()
        torch.save(_changed_values(rng, torch.load(io.BytesIO(data), weights_only=True)), file)
        return file.getvalue()
    name, other = pick(rng, list(members)), pick(rng, list(members))
    if "data" in members and rng.random() < 0.6:
        members["data"] = mutated_json(rng, members["data"])
    else:
        match int(rng.integers(4)):
            case 0:
                del members[name]
            case 1:
                members[name], members[other] = members[other], members[name]
            case 2:
                members[name] = _changed_tensors(rng, members[name])
            case _:
                members[name] = mutated_bytes(rng, members[name])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _changed_tensors(rng: np.random.Generator, content: bytes) -> bytes:
    try:
        kept = torch.load(io.BytesIO(content), weights_only=True)
    except Exception:  # a member of another kind
        return mutated_bytes(rng, content)
    file = io.BytesIO()
    torch.save(_changed_values(rng, kept), file)
    return file.getvalue()


def _changed_values(rng: np.random.Generator, kept: Any) -> Any:
    """Return what PyTorch kept with values changed: of tensors their shape, type, or one of their numbers."""
    if isinstance(kept, torch.Tensor):
        match int(rng.integers(5)):
            case 0:
                return kept.to(pick(rng, (torch.float64, torch.int64, torch.bool, torch.float16)))
            case 1:
                return kept.flatten()[: max(0, kept.numel() - 1)]
            case 2 if kept.numel():
                changed = kept.clone().flatten()
                changed[0] = pick(rng, (float("nan"), float("inf"), 1e30)) if kept.is_floating_point() else 7
                return changed.reshape(kept.shape)
            case 3:
                return kept[None]
            case _:
                return mutated_value(rng, 1.0)
    if isinstance(kept, dict) and kept and rng.random() < 0.9:
        key = pick(rng, list(kept))
        if rng.random() < 0.15:
            return {name: value for name, value in kept.items() if name != key}
        return {**kept, key: _changed_values(rng, kept[key])}
    if isinstance(kept, (list, tuple)) and kept and rng.random() < 0.7:
        at = int(rng.integers(len(kept)))
        return type(kept)([*kept[:at], _changed_values(rng, kept[at]), *kept[at + 1 :]])
    return mutated_value(rng, json.loads(json.dumps(kept, default=str)))
