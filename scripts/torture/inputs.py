"""Kinds of inputs that are tried in process: those of ``files``, and what is more than one file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import soundfile

from agents.evaluation.log import read_log
from agents.evaluation.submission import read_submission
from agents.guided.model import Model as GuidedModel
from agents.rl.training import load as load_policy
from agents.supervised.model import Model
from synthgym import datasets

from .files import (
    AMSYNTH,
    ROOT,
    SHORT,
    in_short,
    keywords,
    of_files,
    plugin_presets,
    presets,
    ran,
    recordings,
    run_configs,
    voices,
)
from .log import Trial
from .mutation import mutated_bytes, mutated_json, mutated_value, pick
from .studio import requests
from .trying import Attempt, Prepare, all_tried


def data_sets(folder: Path) -> Attempt:
    """Any file of a data set: its manifest, what Zarr says of its arrays, its shards."""
    good, bad = folder / "good", folder / "bad"
    datasets.make(
        good, datasets.Recipe("FM-v0", ["mfcc"], env_kwargs=SHORT, rendering="inline").random(40, 0)
    )
    files = sorted(
        path.relative_to(good) for path in good.rglob("*") if path.is_file() and path.name != ".lock"
    )

    def attempt(rng: np.random.Generator) -> object:
        shutil.copytree(good, bad, dirs_exist_ok=True)
        name = files[0] if rng.random() < 0.3 else pick(rng, files)
        data = (good / name).read_bytes()
        change = mutated_json if name.suffix == ".json" else mutated_bytes
        (bad / name).write_bytes(change(rng, data))
        made = datasets.load(bad)
        pairs = made.torch()
        numbers = range(len(pairs))
        return made.frame(), made.cost(), made.native(), [pairs[i] for i in numbers[:3]]

    files.sort(key=lambda name: name.name != "manifest.json")
    return attempt


def _trained(folder: Path, agent: str, *options: str) -> bytes:
    run = folder / agent
    ran("train.py", "--agent", agent, "--log-dir", run, *in_short(), *options, folder=folder)
    data = (run / "final_model.zip").read_bytes()
    shutil.rmtree(run)
    return data


def checkpoints(folder: Path) -> Attempt:
    """Models of ppo and mlp, and the network that comes with the package."""
    ppo = _trained(folder, "ppo", "--steps", "20", "--num-envs", "2", "--hyperparameters", "n_steps=10")
    few = ["rollouts=1", "validate_every=2", "validate_on=8", "width=8", "batch_size=8", "rounds=1"]
    mlp = _trained(folder, "mlp", "--steps", "3", "--hyperparameters", *few)
    shipped = (ROOT / "agents/guided/pretrained/Dexed6Op-v0.safetensors").read_bytes()

    def read(path: Path) -> object:
        match path.suffix:
            case ".ppo":
                return load_policy("ppo", path)
            case ".mlp":
                return Model.load("mlp", path)
            case _:
                return GuidedModel.load(path)

    return of_files(folder, {"m.ppo": ppo, "m.mlp": mlp, "m.safetensors": shipped}, read)


def logs(folder: Path) -> Attempt:
    """The log of an evaluation, and a submission to the scoreboard."""
    rows = [{"target": "test:0", "seed": 0, "budget": 1, "distance": 0.5, "parameters": [0.1, 0.2]}]
    trial = {
        "agent": "random",
        "kind": "test",
        "target": "test:0",
        "seed": 0,
        "curve": [[1, 0.5]],
        "rows": rows,
    }
    log = b"".join(json.dumps({**trial, "seed": seed}).encode() + b"\n" for seed in range(3))
    board = (ROOT / "docs/scoreboard/random.json").read_bytes()
    samples = {"trials.jsonl": log, "board.json": board}

    def change(rng: np.random.Generator, data: bytes) -> bytes:
        return mutated_json(rng, data) if data is board else mutated_bytes(rng, data)

    def read(path: Path) -> object:
        return read_log(path) if path.suffix == ".jsonl" else read_submission(path)

    return of_files(folder, samples, read, change)


def environments(folder: Path) -> Attempt:
    """Keywords of environments, options of a reset, and actions."""
    tone = folder / "tone.wav"
    soundfile.write(tone, 0.5 * np.sin(np.arange(4410) / 10), 44100)
    keywords = {"note": 60, "velocity": [60, 100], "hold": 0.05, "duration": 0.1, "sample_rate": 44100}
    keywords |= {"feature": "logmel", "reward": "distance", "tolerance": 0.05, "max_nudge": 0.1, "starts": 2}
    keywords |= {"patches": "uniform", "keep_best": True, "most_nudged": 2, "parameters": ["index"]}
    keywords |= {"frozen": {"ratio": 2}}  # max_episode_steps is Gymnasium's own
    options = {"target_parameters": [0.5] * 6, "start": [0.1] * 6, "note": 60, "target_file": str(tone)}
    envs: list[Any] = []

    def attempt(rng: np.random.Generator) -> object:
        if rng.random() < 0.5:
            few: dict[str, Any] = {
                name: keywords[name] for name in rng.choice(list(keywords), 3, replace=False).tolist()
            }
            asked: dict[str, Any] = {**SHORT, **_fields(rng, few)}
            made = gym.make(pick(rng, ("FM-v0", "FMGoal-v0", "Dexed1Op-v0")), **asked)
            made.reset(seed=0)
            made.close()
            return made
        if not envs:
            ranged: dict[str, Any] = {"note": (50, 70), **SHORT}
            # Gymnasium's checker does not bear a reset that was refused.
            envs.append(gym.make("FM-v0", disable_env_checker=True, **ranged))
        few = {name: options[name] for name in rng.choice(list(options), 2, replace=False).tolist()}
        envs[0].reset(seed=0, options=mutated_value(rng, few))
        action = mutated_value(rng, [0.1] * 6)
        return envs[0].step(np.array(action) if rng.random() < 0.5 and _is_flat(action) else action)

    return attempt


def _fields(rng: np.random.Generator, value: dict[str, Any]) -> dict[str, Any]:
    """Return a dict that is changed, and still a dict: Python itself asks for one."""
    changed = mutated_value(rng, value)
    return changed if isinstance(changed, dict) else value


def _is_flat(action: Any) -> bool:
    return isinstance(action, list) and all(isinstance(value, float) for value in action)


KINDS: dict[str, Prepare] = {
    "recordings": recordings,
    "voices": voices,
    "presets": presets,
    "plugin presets": plugin_presets,
    "run configs": run_configs,
    "keywords": keywords,
    "data sets": data_sets,
    "checkpoints": checkpoints,
    "logs": logs,
    "environments": environments,
    "requests": requests,
}
"""By name, in an order that decides what is tried: new ones come last."""


def inputs(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Try mutated inputs of all kinds in process.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials in all, an equal share of each kind.

    Yields:
        The trials.
    """
    has_plugin = AMSYNTH.exists()
    if not has_plugin:
        yield Trial("inputs", "plugin presets", seed, 0, "skipped", f"{AMSYNTH} is not installed")

    def possible(kind: str, share: int) -> list[int]:
        return missing(kind, share) if has_plugin or kind != "plugin presets" else []

    yield from all_tried("inputs", KINDS, seed, possible, count)
