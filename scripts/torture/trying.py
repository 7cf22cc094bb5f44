"""Attempts in a process of their own, which is ended if it hangs, and whose memory is bounded."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from synthgym.errors import SynthgymError

from .log import Outcome, Trial
from .mutation import generator

Attempt = Callable[[np.random.Generator], object]
"""Tries one mutated input: returns whatever comes of it, or raises."""
Prepare = Callable[[Path], Attempt]
"""Makes what a kind of attempts needs, in an empty folder."""
PATIENCE = 10.0
"""Seconds after which an attempt hangs."""
MOST_MEMORY = 2 << 30
"""Bytes that an attempt may take beyond what its process had before."""
_TO_PREPARE = 600.0


def outcome_of(attempt: Attempt, rng: np.random.Generator, *, loud: bool = False) -> tuple[Outcome, str]:
    """Return what comes of an attempt, and in words what that is.

    Args:
        attempt: to be made.
        rng: decides all of it.
        loud: whether the traceback of a fault is printed.

    Returns:
        ``result``; ``refused`` with the line of an error that is meant for the user; or ``fault``.
    """
    try:
        attempt(rng)
    except (SynthgymError, gym.error.Error) as error:
        if loud:
            print(f"refused: {error}")
        if len(str(error).splitlines()) != 1:
            return "fault", f"a message that is not one line: {str(error)!r:.300}"
        return "refused", f"{type(error).__name__}: {error}"
    except Exception as error:
        if loud:
            traceback.print_exc()
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "fault", f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
    return "result", ""


def _work(
    prepare: Prepare, number: int, seed: int, indices: Sequence[int], told: Connection[Any, Any]
) -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    os.setpgid(0, 0)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        attempt = prepare(Path(folder))
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_MEMORY, resource.RLIM_INFINITY))
        told.send(None)
        for index in indices:
            start = time.monotonic()
            what = outcome_of(attempt, generator(seed, number, index))
            told.send((index, *what, time.monotonic() - start))


def tried(
    section: str, kind: str, prepare: Prepare, seed: int, number: int, indices: Sequence[int]
) -> Iterator[Trial]:
    """Try mutated inputs of a kind, and give each trial as it ends.

    Args:
        section: of the campaign.
        kind: of inputs.
        prepare: makes what they need, in the process that tries them.
        seed: of the campaign.
        number: of the kind, which decides with seed and index what is tried.
        indices: of the trials.

    Yields:
        The trials. One that hangs, or takes its process with it, is a fault; the others go on.
    """
    left = list(indices)
    while left:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(prepare, number, seed, left, theirs)
        )
        process.start()
        theirs.close()
        try:
            patience = _TO_PREPARE
            while left:
                told = _told(ours, patience)
                if told == "ready":
                    patience = PATIENCE
                elif isinstance(told, tuple):
                    index, outcome, what, seconds = told
                    left.remove(index)
                    yield Trial(section, kind, seed, index, outcome, what, seconds)
                elif patience == _TO_PREPARE:
                    raise RuntimeError(f"{kind} cannot be prepared: the process {told}")
                else:
                    process.join(1)
                    how = f"hangs for {PATIENCE:g} s" if told == "hangs" else f"died ({process.exitcode})"
                    yield Trial(section, kind, seed, left.pop(0), "fault", how, PATIENCE)
                    break
        finally:
            process.kill()
            process.join()
            ours.close()


def _told(ours: Connection[Any, Any], patience: float) -> Any:
    with contextlib.suppress(EOFError, OSError):
        return (ours.recv() or "ready") if ours.poll(patience) else "hangs"
    return "died"
