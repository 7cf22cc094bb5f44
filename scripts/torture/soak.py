"""The same again and again in one process: memory, open files and speed stay as they were."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import soundfile

import synthgym  # noqa: F401
from agents.commands.match import main as match

from .children import Child, Silent, Told
from .files import AMSYNTH, SHORT
from .log import Trial

PARTS = 10
"""In which what was done is measured, the first of which is left out: libraries warm up in it."""
MOST_GROWTH = 64.0
"""Megabytes."""
MOST_SLOWER = 2.0
PATIENCE = 7200.0
"""Seconds after which a part hangs."""

Again = Callable[[int], object]
"""Does a thing once more; its number decides what is random."""


def _stepping(env_id: str, **keywords: Any) -> Again:
    env = gym.make(env_id, **keywords)
    env.action_space.seed(0)
    env.reset(seed=0)

    def again(number: int) -> None:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()

    return again


def steps(folder: Path) -> Again:
    """Steps of an environment, and a reset where an episode ends."""
    return _stepping("Dexed1Op-v0")


def plugin_renders(folder: Path) -> Again:
    """Steps of an environment that a plugin renders, in a helper of this process."""
    return _stepping("Plugin-v0", plugin=str(AMSYNTH), **SHORT)


def matches(folder: Path) -> Again:
    """Matches by the command, of 20 renders each."""
    tone, out = folder / "tone.wav", folder / "out"
    soundfile.write(tone, 0.3 * np.sin(np.arange(22050) / 20), 44100)

    def again(number: int) -> None:
        sys.argv = ["match", str(tone), "--env", "FM-v0", "--budget", "20", "--seed", str(number), "--quiet"]
        sys.argv += ["--out", str(out)]
        match()
        shutil.rmtree(out)

    return again


KINDS: dict[str, tuple[int, Callable[[Path], Again]]] = {
    "environment steps": (100, steps),
    "matches": (1, matches),
    "plugin renders": (10, plugin_renders),
}
"""By name: how many there are for one match, and what makes them ready."""


def _work(make: Callable[[Path], Again], count: int, told: Told) -> None:
    warnings.simplefilter("ignore")
    process, done = psutil.Process(), 0
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        again = make(Path(folder))
        before, *_ = _held(process)
        for part in range(1, PARTS + 1):
            while done < part * count // PARTS:
                again(done)
                done += 1
            spent, memory, files = _held(process)
            told.send((spent - before, memory, files))
            before = spent


def _held(process: psutil.Process) -> tuple[float, float, int]:
    """Return the processor seconds, which other work does not change, megabytes and open files of a process
    and its helpers."""
    gc.collect()
    spent, memory, files = 0.0, 0.0, 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            times = one.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
            memory, files = memory + one.memory_info().rss / 1e6, files + one.num_fds()
    return spent, memory, files


def soak(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Do each kind many times in one process.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: of the matches; the others in proportion. It is the number of the trial, too.

    Yields:
        A trial of each kind.
    """
    for kind, (each, make) in KINDS.items():
        if count not in missing(kind, count + 1):
            continue
        if make is plugin_renders and not AMSYNTH.exists():
            yield Trial("soak", kind, seed, count, "skipped", f"{AMSYNTH} is not installed")
            continue
        measured = _measured(kind, make, max(PARTS, each * count))
        what, numbers = judged(measured)
        numbers["times"] = max(PARTS, each * count)
        yield Trial("soak", kind, seed, count, "fault" if what else "result", what, numbers=numbers)


def _measured(kind: str, make: Callable[[Path], Again], count: int) -> list[tuple[float, float, int]]:
    """Return processor seconds, megabytes and open files of each part that came to its end."""
    measured: list[tuple[float, float, int]] = []
    with Child(_work, make, count) as child, contextlib.suppress(Silent):
        while len(measured) < PARTS:
            seconds, megabytes, files = child.told(PATIENCE)
            measured.append((seconds, megabytes, files))
            said = f"{seconds:,.0f} s of a processor, {megabytes:,.1f} MB, {files} open files"
            print(f"soak, {kind}: {len(measured)} of {PARTS} parts, {said}", file=sys.stderr, flush=True)
    return measured


def judged(measured: list[tuple[float, float, int]]) -> tuple[str, dict[str, float]]:
    """Return what is wrong with what was measured, and the figures.

    Args:
        measured: processor seconds, megabytes and open files of each part.

    Returns:
        Nothing if all is flat, and by name what the last part has more than the second.
    """
    if len(measured) < PARTS:
        return f"it ended in part {len(measured) + 1} of {PARTS}", {}
    (before, less, few), (after, more, many) = measured[1], measured[-1]
    numbers = {"megabytes": more - less, "files": float(many - few), "slower": after / max(before, 1e-9)}
    if numbers["megabytes"] > MOST_GROWTH:
        return f"memory grew by {numbers['megabytes']:.0f} MB", numbers
    if many > few:
        return f"{many - few} more files are open", numbers
    if numbers["slower"] > MOST_SLOWER:
        return f"the last part took {numbers['slower']:.1f} times as long as the second", numbers
    return "", numbers
