"""What commands leave behind, changed: models of all learners, folders of data sets and of evaluations."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from agents import api
from agents.commands import report
from agents.evaluation.results import Results, read_rows
from agents.supervised.examples import Examples, check_examples
from agents.training.run_config import RunConfig
from synthgym import datasets
from synthgym.making import make_task

from .files import ROOT, SHORT
from .log import Trial
from .mutation import mutated_bytes, mutated_json, mutated_value, pick
from .trying import Attempt, Prepare, all_tried

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


def _command(name: str, *words: str | Path, folder: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / name, *words]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def _short() -> list[str]:
    return ["--env", "FM-v0", "--env-kwargs", *(f"{name}={value}" for name, value in SHORT.items())]


def models(folder: Path) -> Attempt:
    """The final model and the config of a run of each learner: members of the zip, their values, their bytes.

    What is read is searched with, as by ``synthgym_agents.load`` and ``match``.
    """
    samples = {}
    for agent, options in LEARNED.items():
        run = folder / f"FM-v0-{agent}-0"
        _command("train.py", "--agent", agent, "--log-dir", run, *_short(), *options, folder=folder)
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
                (run / "final_model.zip").write_bytes(_changed_model(rng, samples[agent]))
            RunConfig.read(run / "config.yml")
            trial = api.match(api.load(agent, "FM-v0", runs=runs, **short), env, renders=3)
            return trial.best
        finally:
            shutil.rmtree(runs)

    return attempt


def _changed_model(rng: np.random.Generator, data: bytes) -> bytes:
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


def _changed_file(rng: np.random.Generator, good: Path, bad: Path, names: list[Path]) -> None:
    """Make a copy of a folder in which a file is changed, cut, empty, lost, doubled, or another's."""
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    name, other = pick(rng, names), pick(rng, names)
    data = (good / name).read_bytes()
    match int(rng.integers(8)):
        case 0:
            (bad / name).unlink()
        case 1:
            shutil.copy(good / other, bad / name)
        case 2:
            (bad / name).write_bytes(b"")
        case 3:
            (bad / name).unlink()
            (bad / name).mkdir()
        case _ if name.suffix == ".json":
            (bad / name).write_bytes(mutated_json(rng, data))
        case _ if name.suffix == ".jsonl":
            (bad / name).write_bytes(_changed_lines(rng, data))
        case _:
            (bad / name).write_bytes(mutated_bytes(rng, data))


def _changed_lines(rng: np.random.Generator, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    match int(rng.integers(4)):
        case 0:
            lines.insert(at, lines[at])
        case 1:
            del lines[at]
        case _:
            lines[at] = mutated_json(rng, lines[at]).strip() + b"\n"
    return b"".join(lines)


def _files(folder: Path, first: str) -> list[Path]:
    """Return the files in a folder, the one that says what it is as often as all others."""
    found = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    others = sorted(name for name in found if name.name != first)
    return [Path(first)] * len(others) + others


def set_folders(folder: Path) -> Attempt:
    """The folder of a data set, which is gone on with, opened for a task, and trained from."""
    good, bad = folder / "good", folder / "bad"

    def recipe() -> datasets.Recipe:
        return datasets.Recipe("FM-v0", ["multiresolution"], env_kwargs=SHORT, rendering="inline").random(
            40, 0
        )

    datasets.make(good, recipe(), progress=False)
    names = _files(good, "manifest.json")
    task = make_task("FM-v0", SHORT)

    def attempt(rng: np.random.Generator) -> object:
        _changed_file(rng, good, bad, names)
        if rng.random() < 0.4:
            datasets.make(bad, recipe(), progress=False, verify=bool(rng.random() < 0.5))
        opened = datasets.load_for(task, bad)
        check_examples(opened, task)
        return Examples.of_dataset(opened, task.feature_name, "train").batch(0, 4, 0)

    return attempt


def evaluations(folder: Path) -> Attempt:
    """The folder of an evaluation, which is opened, summed up, reported on, and gone on with."""
    good, bad = folder / "good", folder / "bad"
    asked = ("--targets", "test:2", "--budgets", "1,2", "--seeds", "2", "--backend", "inline", "--out", good)
    _command("evaluate.py", "--agents", "random,constant", *_short(), *asked, folder=folder)
    names = _files(good, "trials.jsonl")
    names += [Path("evaluation.json")] * len(names)

    def attempt(rng: np.random.Generator) -> object:
        _changed_file(rng, good, bad, names)
        if rng.random() < 0.2:
            return read_rows(bad)
        if rng.random() < 0.5:
            return _called(report.main, "report", str(bad))
        with closing(Results.opened(bad)) as results:
            results.write()
            return results.rows(), results.curves(), results.left_out()

    return attempt


def _called(main: Callable[[], int], *words: str) -> int:
    sys.argv = list(words)
    return main()


KINDS: dict[str, Prepare] = {"models": models, "set folders": set_folders, "evaluations": evaluations}
"""By name, in an order that decides what is tried: new ones come last."""


def folders(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Try changed folders of all kinds in process.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials in all, an equal share of each kind.

    Returns:
        The trials.
    """
    return all_tried("folders", KINDS, seed, missing, count)
