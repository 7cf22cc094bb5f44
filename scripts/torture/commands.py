"""Command lines that are tried: words and input files are mutated, and each ends in order."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from synthgym import datasets
from synthgym.synths import make_synth
from synthgym.synths.dx7_voice import write_syx

from .log import Outcome, Trial
from .mutation import generator, mutated_bytes, mutated_json, mutated_words, pick
from .processes import Ended, command

SHORT = ("--env-kwargs", "duration=0.1", "hold=0.05")
_TRAIN = ("--env", "FM-v0", "--log-dir", "run", "--num-envs", "2")
LINES: tuple[tuple[str, ...], ...] = (
    ("match.py", "tone.wav", "--env", "FM-v0", "--agent", "random", "--budget", "3", "--out", "out"),
    (
        "match.py",
        "tone.wav",
        "--env",
        "Dexed1Op-v0",
        "--agent",
        "nearest+halving",
        "--budget",
        "8",
        "--top",
        "2",
    ),
    (
        "match.py",
        "tone.wav",
        "--env",
        "Dexed1Op-v0",
        "--agent",
        "hill_climber",
        "--budget",
        "4",
        "--start",
        "v.syx",
    ),
    ("match.py", "--render", "v.syx", "--out", "r.wav", "--note", "60"),
    ("match.py", "--render", "fm.json", "--env", "FM-v0", "--out", "r.wav"),
    (
        "make_dataset.py",
        "--env",
        "FM-v0",
        *SHORT,
        "--features",
        "mfcc",
        "--size",
        "9",
        "--out",
        "d",
        "--backend",
        "inline",
    ),
    (
        "make_dataset.py",
        "--env",
        "FM-v0",
        *SHORT,
        "--grid",
        "2",
        "--out",
        "d",
        "--dtype",
        "float32",
        "--audio",
    ),
    ("train.py", *_TRAIN, "--agent", "ppo", "--steps", "20", *SHORT, "--hyperparameters", "n_steps=10"),
    (
        "train.py",
        *_TRAIN,
        "--agent",
        "sac",
        "--steps",
        "20",
        *SHORT,
        "max_episode_steps=5",
        "starts=1",
        "--seed",
        "1",
    ),
    (
        "train.py",
        *_TRAIN,
        "--agent",
        "mlp",
        "--steps",
        "2",
        *SHORT,
        "--dataset",
        "set",
        "--hyperparameters",
        "rollouts=1",
    ),
    (
        "evaluate.py",
        "--env",
        "FM-v0",
        *SHORT,
        "--agents",
        "random,constant",
        "--targets",
        "test:1",
        "--budgets",
        "1,2",
        "--seeds",
        "1",
        "--backend",
        "inline",
        "--out",
        "e",
    ),
    (
        "evaluate.py",
        "--env",
        "FM-v0",
        *SHORT,
        "--agents",
        "nearest",
        "--dataset",
        "set",
        "--targets",
        "test:1",
        "--budgets",
        "1",
        "--seeds",
        "1",
        "--backend",
        "inline",
        "--out",
        "e",
    ),
    ("evaluate.py", "--validate", "board.json"),
    ("report.py", "e"),
    ("watch.py", "--env", "FM-v0", "--agent", "random", "--out", "w.wav"),
    ("plugins.py", "--json"),
    ("studio.py", "--port", "0", "--no-browser"),
)
"""What is mutated; each takes a few seconds as it is."""
LIMIT = 30.0
"""Seconds after which a command is interrupted: what is asked for may be long."""
MOST_MEMORY = 2 << 30
"""Bytes beyond which a command takes too much; what it imports is a third of it."""


def material(folder: Path) -> None:
    """Write the files that the command lines name to a new folder."""
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "tone.wav", 0.4 * np.sin(2 * np.pi * 220 * np.arange(4410) / 22050), 22050)
    for name, synth, path in (("dexed", {"operators": 6}, "v.syx"), ("fm", {}, "fm.json")):
        made = make_synth(name, **synth)
        row = np.array([p.default for p in made.space.parameters])
        write_syx(folder / path, row) if name == "dexed" else made.save_preset(row, folder / path)
    (folder / "presets").mkdir()
    shutil.copy(folder / "fm.json", folder / "presets")
    short = {"duration": 0.1, "hold": 0.05}
    recipe = datasets.Recipe("FM-v0", ["multiresolution"], env_kwargs=short, rendering="inline").random(40, 0)
    datasets.make(folder / "set", recipe, progress=False)
    shutil.copy(Path(__file__).parents[2] / "docs/scoreboard/random.json", folder / "board.json")


def attempt(good: Path, seed: int, index: int) -> tuple[list[str], str, Ended]:
    """Run a mutated command line in a copy of a folder.

    Args:
        good: folder with what the command lines name.
        seed: of the campaign.
        index: of the trial.

    Returns:
        The command line, which of its files was mutated if one was, and how it ended.
    """
    rng = generator(seed, 99, index)
    script, *words = pick(rng, LINES)
    with tempfile.TemporaryDirectory() as kept:
        cwd = Path(kept, "here")
        shutil.copytree(good, cwd)
        files = [file for word in words for file in _files(cwd / word)]
        changed = ""
        if files and rng.random() < 0.4:
            file = pick(rng, files)
            data = file.read_bytes()
            file.write_bytes((mutated_json if file.suffix == ".json" else mutated_bytes)(rng, data))
            changed = str(file.relative_to(cwd))
        else:
            words = mutated_words(rng, words)
        return [script, *words], changed, command(script, *words, cwd=cwd, limit=LIMIT)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file())
    return [path] if path.is_file() else []


def commands(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Run mutated command lines: each ends with 0, or 2 and one line, or 130 if it was interrupted.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials in all.

    Yields:
        The trials.
    """
    if not (indices := missing("command lines", count)):
        return
    with tempfile.TemporaryDirectory() as folder:
        material(Path(folder))
        for index in indices:
            words, changed, ended = attempt(Path(folder), seed, index)
            wrong = ended.fault(*((0, 2, 130, -2) if ended.seconds >= LIMIT else (0, 2)))
            if not wrong and ended.memory > MOST_MEMORY:
                wrong = f"took {ended.memory / 1e9:.1f} GB"
            said = f"{' '.join(words)}{f' [{changed} mutated]' if changed else ''}"
            outcome: Outcome = "fault" if wrong else "refused" if ended.code == 2 else "result"
            what = f"{wrong}: {said}" if wrong else json.dumps(ended.last)
            yield Trial("commands", "command lines", seed, index, outcome, what)
