"""The commands that are killed and run short of something, and what each must have made in the end."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from agents.evaluation.log import read_log
from agents.training.learners import learner
from agents.training.run_folder import RunFolder
from synthgym.making import make_task

from .files import SHORT, in_short
from .processes import command

_FM = ("--env", "FM-v0", *in_short())
_SET = ("--features", "mfcc", "--size", "20000", "--out", "out", "--workers", "2", "--backend", "processes")
_ROWS = ("--agents", "random,hill_climber", "--targets", "test:4", "--budgets", "5,60", "--seeds", "2")
_FEW = ("validate_every=10", "validate_on=16", "width=16", "batch_size=16")
_ROLLOUTS = (*_FEW, "rollouts=6", "validate_rollouts=2")
_CLIMBS = (*_FEW, "imitation=30", "groups=2", "climbs=4", "bank=16")
_HER = ("learning_starts=100", "buffer_size=2000", "batch_size=32")

Kind = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A script, its command line, and what is added to go on."""


def _training(agent: str, steps: int, *words: str) -> Kind:
    line = ("--agent", agent, "--steps", str(steps), "--log-dir", "out", *_FM, *words)
    return "train.py", line, ("--resume",)


_MATCH = ("tone.wav", "--env", "FM-v0", "--agent", "hill_climber", "--budget", "400", "--out", "out")
_SEVERAL = ("--log-dir", "out", "--agent", "es", "--steps", "3000", "--seeds", "0,1", "--workers", "2")
KINDS: dict[str, Kind] = {
    "data set": ("make_dataset.py", (*_FM, *_SET), ()),
    "evaluation": ("evaluate.py", (*_FM, *_ROWS, "--workers", "2", "--out", "out"), ()),
    "match": ("match.py", _MATCH, ()),
    "ppo": _training("ppo", 2000, "--num-envs", "4", "--hyperparameters", "n_steps=25"),
    "sac_her": _training(
        "sac_her", 400, "max_episode_steps=10", "--num-envs", "2", "--hyperparameters", *_HER
    ),
    "mlp": _training("mlp", 60, "--hyperparameters", *_ROLLOUTS),
    "studio": ("studio.py", ("--port", "0", "--no-browser"), ()),
    "variations": ("make_dataset.py", (*_FM, *_SET, "--patches", "presets", "--jitter", "0.1"), ()),
    "es": _training("es", 3000, "--num-envs", "4", "--hyperparameters", "n_delta=2"),
    "ppo_imitation": _training("ppo_imitation", 60, "--hyperparameters", *_ROLLOUTS, "targets=4"),
    "transformer": _training("transformer", 60, "--hyperparameters", *_FEW, "layers=1"),
    "guided": _training("guided", 60, "--hyperparameters", *_CLIMBS),
    "trainings": ("train.py", (*_FM, *_SEVERAL), ()),
}
"""By name, in an order that decides when they are killed: new ones come last."""
LOCK = ".lock"
"""How files end that are left on purpose: a lock means nothing unless a process holds it."""


class Unlike(Exception):
    """What is there after a kill is not what should be there."""


def digest(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(LOCK))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path) -> Any:
    """Return what an evaluation found, without the times that it took."""
    trials = read_log(folder / "trials.jsonl")
    for trial in trials:
        trial["rows"] = [{k: v for k, v in row.items() if "seconds" not in k} for row in trial["rows"]]
        trial.pop("seconds", None)
    return sorted(json.dumps(trial, sort_keys=True, default=str) for trial in trials)


def found(folder: Path) -> Any:
    """Return the distances and parameters of a match."""
    kept = json.loads((folder / "match.json").read_text(encoding="utf-8"))
    return kept["history"], kept["parameters"]


def trained(folder: Path) -> Any:
    """Return the steps of all runs, which are finished; Unlike if one is damaged or something is missing."""
    steps = {}
    for run in runs(folder):
        config, kept = _config(run), checkpoints(run)
        if not run.final_model.exists():
            raise Unlike(f"{run.path.name} has no final model")
        if max(kept, default=0) < config["steps"]:
            raise Unlike(f"the newest checkpoint has {max(kept, default=0)} of {config['steps']} steps")
        _load(config["agent"], run.final_model)
        steps[str(run.path.relative_to(folder))] = config["steps"]
    return steps


def runs(folder: Path) -> list[RunFolder]:
    """Return the runs that are in a folder, which may be that of one."""
    return [RunFolder(path.parent) for path in sorted(folder.rglob("config.yml"))]


def checkpoints(run: RunFolder) -> list[int]:
    """Return the steps of all checkpoints of a run; Unlike if one of them cannot be loaded."""
    agent, steps = _config(run)["agent"], []
    for path in run.checkpoints.glob("[0-9]*.zip"):
        _load(agent, path)
        steps.append(int(path.stem))
    return steps


def _config(run: RunFolder) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    return config


def _load(agent: str, path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            if (bad := file.testzip()) is not None:
                raise Unlike(f"{path.name} is damaged: {bad}")
        with closing(make_task("FM-v0", SHORT, rendering="inline")) as task:
            learner(agent).prepare(agent, task, [path])
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise Unlike(f"{path.name} cannot be loaded: {error}") from error


RESULTS: dict[str, Callable[[Path], Any]] = {
    "data set": digest,
    "variations": digest,
    "evaluation": rows,
    "match": found,
}
"""What is the same with and without kills; of others it is what ``trained`` says."""


def going_on(kind: str, cwd: Path) -> list[str]:
    """Return the command line of a command, as it goes on with what is there in its folder."""
    script, words, more = KINDS[kind]
    return [script, *words, *(more if (cwd / "out" / "config.yml").exists() else ())]


def made(kind: str, out: Path) -> Any:
    """Return what a command has made in a folder, which trouble must not change; Unlike if it is damaged."""
    return (RESULTS.get(kind) or trained)(out)


def without_trouble(kind: str, good: Path, cwd: Path) -> tuple[Any, float]:
    """Run a command to its end.

    Args:
        kind: of the command.
        good: folder with what its command line names.
        cwd: new folder in which it runs, a copy of that.

    Returns:
        What it has made, and the seconds that it took.

    Raises:
        Unlike: it failed.
    """
    shutil.copytree(good, cwd)
    ended = command(*going_on(kind, cwd), cwd=cwd, limit=300)
    if wrong := ended.fault(0):
        raise Unlike(f"without trouble: {wrong}")
    return made(kind, cwd / "out"), ended.seconds
