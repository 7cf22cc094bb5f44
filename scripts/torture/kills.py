"""Commands that are killed at random moments, and go on: the same bytes and rows, nothing left behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Any

import yaml

from agents.evaluation.log import read_log
from agents.rl.training import load as load_policy
from agents.supervised.model import Model
from agents.training.run_folder import RunFolder

from .commands import material
from .log import Trial
from .mutation import generator
from .processes import command

MOST_KILLS = 4
"""Of one trial; then it goes on to its end."""
_SHORT = ("--env-kwargs", "duration=0.1", "hold=0.05")
_SET = ("--env", "FM-v0", *_SHORT, "--features", "mfcc", "--size", "20000", "--out", "out", "--workers", "2")
_ROWS = (
    "--env",
    "FM-v0",
    *_SHORT,
    "--agents",
    "random,hill_climber",
    "--targets",
    "test:4",
    "--budgets",
    "5,60",
)
_RUN = ("--env", "FM-v0", "--log-dir", "out", *_SHORT)
_NETWORK = (
    "rollouts=6",
    "validate_every=10",
    "validate_on=16",
    "validate_rollouts=2",
    "width=16",
    "batch_size=16",
)

Kind = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A script, its command line, and what is added to go on."""
KINDS: dict[str, Kind] = {
    "data set": ("make_dataset.py", (*_SET, "--backend", "processes"), ()),
    "evaluation": ("evaluate.py", (*_ROWS, "--seeds", "2", "--workers", "2", "--out", "out"), ()),
    "match": (
        "match.py",
        ("tone.wav", "--env", "FM-v0", "--agent", "hill_climber", "--budget", "400", "--out", "out"),
        (),
    ),
    "ppo": (
        "train.py",
        (*_RUN, "--agent", "ppo", "--steps", "2000", "--num-envs", "4", "--hyperparameters", "n_steps=25"),
        ("--resume",),
    ),
    "sac_her": (
        "train.py",
        (
            *_RUN,
            "max_episode_steps=10",
            "--agent",
            "sac_her",
            "--steps",
            "400",
            "--num-envs",
            "2",
            "--hyperparameters",
            "learning_starts=100",
            "buffer_size=2000",
            "batch_size=32",
        ),
        ("--resume",),
    ),
    "mlp": (
        "train.py",
        (*_RUN, "--agent", "mlp", "--steps", "60", "--hyperparameters", *_NETWORK),
        ("--resume",),
    ),
    "studio": ("studio.py", ("--port", "0", "--no-browser"), ()),
}
"""By name, in an order that decides when they are killed: new ones come last."""
_LOCK = ".lock"
"""How files end that are left on purpose: a lock means nothing unless a process holds it."""


_CACHE = f"torchinductor_{getuser()}"


class Unlike(Exception):
    """What is there after a kill is not what should be there."""


def digest(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_LOCK))
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
    """Return what a finished run must have; Unlike if a checkpoint is damaged or something is missing."""
    run = RunFolder(folder)
    config = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    whole = checkpoints(folder)
    if not run.final_model.exists():
        raise Unlike("no final model")
    if max(whole, default=0) < config["steps"]:
        raise Unlike(f"the newest checkpoint has {max(whole, default=0)} of {config['steps']} steps")
    _load(config["agent"], run.final_model)
    return config["steps"]


def checkpoints(folder: Path) -> list[int]:
    """Return the steps of all checkpoints of a run; Unlike if one of them cannot be loaded."""
    run, steps = RunFolder(folder), []
    agent = yaml.safe_load(run.config.read_text(encoding="utf-8"))["agent"]
    for path in run.checkpoints.glob("[0-9]*.zip"):
        _load(agent, path)
        steps.append(int(path.stem))
    return steps


def _load(agent: str, path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            if (bad := file.testzip()) is not None:
                raise Unlike(f"{path.name} is damaged: {bad}")
        Model.load(agent, path) if agent == "mlp" else load_policy(agent, path)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise Unlike(f"{path.name} cannot be loaded: {error}") from error


RESULTS: dict[str, Callable[[Path], Any]] = {"data set": digest, "evaluation": rows, "match": found}


def temporary(folder: Path) -> list[str]:
    """Return files of a folder that are there for a moment only, as long as they are written."""
    found = [path for path in folder.rglob("*") if path.name.endswith(".partial") or _is_hidden(path)]
    return sorted(str(path.relative_to(folder)) for path in found)


def left_in(temp: Path) -> list[str]:
    """Return what is left in a temporary folder but locks and PyTorch's cache, which are meant to stay."""
    return [path.name for path in temp.iterdir() if not path.name.endswith(_LOCK) and path.name != _CACHE]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") and not path.name.endswith(_LOCK)


def one(
    kind: str, seed: int, number: int, index: int, good: Path, wanted: Any, whole: float
) -> dict[str, float]:
    """Kill a command some times, let it go on to its end, and look at what is there.

    Args:
        kind: of the command.
        seed: of the campaign.
        number: of the kind.
        index: of the trial.
        good: folder with what the command line names.
        wanted: the result without a kill, None of what has none that is told by bytes.
        whole: seconds that it takes without a kill.

    Returns:
        How often it was killed.

    Raises:
        Unlike: something is not as it should be.
    """
    script, words, more = KINDS[kind]
    rng, kills = generator(seed, 50 + number, index), 0
    with tempfile.TemporaryDirectory() as kept:
        cwd, temp = Path(kept, "here"), Path(kept, "temporary")
        shutil.copytree(good, cwd)
        temp.mkdir()
        environment = {"TMPDIR": str(temp)}
        for _ in range(MOST_KILLS):
            after = float(rng.uniform(0.2, 1.1) * whole)
            going_on = more if (cwd / "out" / "config.yml").exists() else ()
            ended = command(script, *words, *going_on, cwd=cwd, after=after, environment=environment)
            kills += ended.code == -9
            if ended.left:
                raise Unlike(f"killed after {after:.2f} s, a process lives on: {ended.left[0]}")
            if not ended.sent and (wrong := ended.fault(0)):
                raise Unlike(wrong)
            if kind in ("ppo", "sac_her", "mlp") and (cwd / "out" / "config.yml").exists():
                checkpoints(cwd / "out")
            if not ended.sent:
                break
        if kind == "studio":
            ended = command(script, *words, cwd=cwd, after=6, send=2, environment=environment)
        else:
            going_on = more if (cwd / "out" / "config.yml").exists() else ()
            ended = command(script, *words, *going_on, cwd=cwd, limit=300, environment=environment)
        if wrong := ended.fault(*((0, 130) if kind == "studio" else (0,))):
            raise Unlike(f"after {kills} kills: {wrong}")
        if kind != "studio":
            _compare(kind, cwd / "out", wanted)
        if left := temporary(cwd) + left_in(temp):
            raise Unlike(f"after {kills} kills, left behind: {', '.join(left[:5])}")
    return {"kills": kills}


def _compare(kind: str, out: Path, wanted: Any) -> None:
    now = (RESULTS.get(kind) or trained)(out)
    if now == wanted:
        return
    if isinstance(now, dict):
        differ = [name for name in sorted({*now, *wanted}) if now.get(name) != wanted.get(name)]
        raise Unlike(f"{len(differ)} files differ from those without a kill: {', '.join(differ[:3])}")
    raise Unlike("what it found is not what it finds without a kill")


def kills(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Kill commands of all kinds at random moments.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials of each kind; each has up to four kills.

    Yields:
        The trials.
    """
    for number, (kind, (script, words, _)) in enumerate(KINDS.items()):
        if not (indices := missing(kind, count)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            material(good := Path(folder, "good"))
            shutil.copytree(good, whole := Path(folder, "whole"))
            wanted, seconds = None, 5.0
            if kind != "studio":
                ended = command(script, *words, cwd=whole, limit=300)
                if wrong := ended.fault(0):
                    yield Trial("kills", kind, seed, indices[0], "fault", f"without a kill: {wrong}")
                    continue
                wanted, seconds = (RESULTS.get(kind) or trained)(whole / "out"), ended.seconds
            for index in indices:
                try:
                    numbers = one(kind, seed, number, index, good, wanted, seconds)
                    yield Trial("kills", kind, seed, index, "result", numbers=numbers)
                except Unlike as error:
                    yield Trial("kills", kind, seed, index, "fault", str(error))
