"""Plugins that get into trouble while an agent trains on them: the training goes on, and counts are right."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from synthgym.hosting import helper

from .files import ROOT, SHORT
from .log import Numbers, Trial
from .mutation import pick
from .trying import Attempt, tried

STUB = ROOT / "tests/data/stub_plugin.c"
MOST_GROWTH = 64.0
"""Megabytes that the helper of a plugin may take after a training beyond what it had before, if it forks each
render; one that renders again and again may take as much more until it gives way to another."""
STEPS = 256
_PATIENCE = 300.0


class Trouble(NamedTuple):
    """What a plugin does with some of its patches.

    Attributes:
        does: a statement of C.
        fails: whether such a render fails: it is tried twice, and then taken for silence.
        share: of the patches that are in trouble.
        gain: what its sound is multiplied by.
    """

    does: str
    fails: bool
    share: float = 0.05
    gain: str = "1"


TROUBLES = {
    "exit": Trouble("exit(0)", True),
    "hang": Trouble("for (;;) pause()", True, 0.01),
    "segfault": Trouble("*(volatile int *)0 = 0", True),
    "not a number": Trouble("(void)0", True, gain="(in_trouble(values[2]) ? NAN : 1)"),
    "memory": Trouble("memset(malloc(1 << 26), 1, 1 << 26)", False),
    "megabytes of text": Trouble(
        "for (int i = 0; i < 1 << 20; i++) fputs(NOISE, i % 2 ? stdout : stderr)", False
    ),
}
"""By name, in an order that decides what is tried: what is new comes last."""


def compiled(trouble: Trouble, folder: Path) -> tuple[Path, Path]:
    """Return a plugin that gets into trouble, and the file in which it tallies its notes."""
    plugin, tally = folder / "troubled.so", folder / "tally"
    tally.touch()
    options = {
        "CALM": "1",
        "TROUBLE": trouble.does,
        "SHARE": str(trouble.share),
        "GAIN": trouble.gain,
        "TALLY": f'"{tally}"',
    }
    flags = [f"-D{name}={value}" for name, value in options.items()]
    header = Path(__file__).with_name("trouble.h")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-w", *flags, "-include", header, STUB, "-o", plugin, "-lm"], check=True
    )
    return plugin, tally


def training(name: str, folder: Path) -> Attempt:
    """Short trainings of PPO on a plugin that gets into trouble, in forked children or in one process."""
    from stable_baselines3 import PPO  # here, as it is imported by the process that trains alone

    from agents.rl.vec_env import SynthVecEnv

    trouble = TROUBLES[name]
    plugin, tally = compiled(trouble, folder)

    def attempt(rng: np.random.Generator) -> Numbers:
        isolation, count, seed = (
            pick(rng, ("fork", "process")),
            pick(rng, (1, 2, 4)),
            int(rng.integers(2**31)),
        )
        patience = 3 if name == "hang" else 20
        env = SynthVecEnv(
            "Plugin-v0", count, plugin=str(plugin), isolation=isolation, patience=patience, **SHORT
        )
        with closing(env):
            # To know how repeatable it is, it was rendered before.
            meter, before, held = env.envs.unwrapped.task.meter, tally.stat().st_size, _helpers()
            renders, failures = meter.renders, meter.failures
            model = PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, seed=seed).learn(STEPS)
            wrong = [] if model.num_timesteps == STEPS else [f"{model.num_timesteps} of {STEPS} steps"]
            most = MOST_GROWTH + (0 if isolation == "fork" else helper.MOST_GROWTH / 1e6)
            if (grown := _helpers() - held) > most:
                wrong.append(f"its helper grew by {grown:.0f} MB")
        told = tally.read_bytes()[before:]
        renders, failures = meter.renders - renders, meter.failures - failures
        wrong += miscounted(trouble, told, renders, failures)
        if wrong:
            raise AssertionError(f"{isolation}, {count} environments: {'; '.join(wrong)}")
        return Numbers(renders=renders, times=told.count(b"!"))

    return attempt


def miscounted(trouble: Trouble, tally: bytes, renders: int, failures: int) -> list[str]:
    """Return what is wrong with the counts of a training.

    Args:
        trouble: of the plugin.
        tally: what the plugin wrote, a letter for each note that it got.
        renders: that were counted.
        failures: of them, that were counted.

    Returns:
        A line for each count that is wrong.
    """
    troubled = tally.count(b"!")
    failed = troubled / 2 if trouble.fails else 0
    said = []
    if failures != failed:
        said.append(f"{failures} failures were counted, and {troubled} notes were in trouble")
    if renders != len(tally) - failed:
        said.append(f"{renders} renders were counted of {len(tally)} notes, {troubled} of them in trouble")
    return said


def _helpers() -> float:
    """Return the megabytes of this process's helpers."""
    return sum(each.memory_info().rss for each in psutil.Process().children(recursive=True)) / 1e6


def plugins(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Train on plugins in each kind of trouble.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials of each kind.

    Yields:
        The trials.
    """
    for number, name in enumerate(TROUBLES):
        if shutil.which("cc") is None:
            yield Trial("plugins", name, seed, 0, "skipped", "there is no C compiler")
        elif indices := missing(name, count):
            yield from tried("plugins", name, partial(training, name), seed, 60 + number, indices, _PATIENCE)
