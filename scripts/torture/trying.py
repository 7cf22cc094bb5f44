"""Attempts in a process of their own, which is ended if it hangs, and whose memory is bounded."""

from __future__ import annotations

import os
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import gymnasium as gym
import numpy as np

from synthgym.errors import SynthgymError

from .children import Child, Silent, Told
from .log import Numbers, Outcome, Trial
from .mutation import generator

Attempt = Callable[[np.random.Generator], object]
"""Tries one input: returns whatever comes of it, ``Numbers`` of what it measured, or raises."""
Prepare = Callable[[Path], Attempt]
"""Makes what a kind of attempts needs, in an empty folder."""
PATIENCE = 10.0
"""Seconds after which an attempt hangs."""
MOST_MEMORY = 2 << 30
"""Bytes that an attempt may take beyond what its process had before."""
_TO_PREPARE = 600.0


def outcome_of(
    attempt: Attempt, rng: np.random.Generator, *, loud: bool = False
) -> tuple[Outcome, str, Numbers]:
    """Return what comes of an attempt, in words what that is, and what it measured.

    Args:
        attempt: to be made.
        rng: decides all of it.
        loud: whether the traceback of a fault is printed.

    Returns:
        ``result``; ``refused`` with the line of an error that is meant for the user; or ``fault``.
    """
    try:
        found = attempt(rng)
    except (SynthgymError, gym.error.Error) as error:
        if loud:
            print(f"refused: {error}")
        if len(str(error).splitlines()) != 1:
            return "fault", f"a message that is not one line: {str(error)!r:.300}", Numbers()
        return "refused", f"{type(error).__name__}: {error}", Numbers()
    except Exception as error:
        if loud:
            traceback.print_exc()
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return "fault", f"{type(error).__name__}: {error} ({where})", Numbers()
    return "result", "", found if isinstance(found, Numbers) else Numbers()


def _work(prepare: Prepare, number: int, seed: int, indices: Sequence[int], told: Told) -> None:
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
            outcome, what, numbers = outcome_of(attempt, generator(seed, number, index))
            told.send((index, outcome, what, time.monotonic() - start, numbers))


def tried(
    section: str,
    kind: str,
    prepare: Prepare,
    seed: int,
    number: int,
    indices: Sequence[int],
    patience: float = PATIENCE,
) -> Iterator[Trial]:
    """Try inputs of a kind, and give each trial as it ends.

    Args:
        section: of the campaign.
        kind: of inputs.
        prepare: makes what they need, in the process that tries them.
        seed: of the campaign.
        number: of the kind, which decides with seed and index what is tried.
        indices: of the trials.
        patience: seconds after which one hangs.

    Yields:
        The trials. One that hangs, or takes its process with it, is a fault; the others go on.

    Raises:
        Silent: what they need cannot be made.
    """
    left = list(indices)
    while left:
        with Child(_work, prepare, number, seed, left) as child:
            child.told(_TO_PREPARE)
            try:
                while left:
                    index, *found = child.told(patience)
                    left.remove(index)
                    yield Trial(section, kind, seed, index, *found)
            except Silent as why:
                yield Trial(section, kind, seed, left.pop(0), "fault", str(why), patience)


def all_tried(
    section: str,
    kinds: Mapping[str, Prepare],
    seed: int,
    missing: Callable[[str, int], list[int]],
    count: int,
) -> Iterator[Trial]:
    """Try kinds in turn.

    Args:
        section: of the campaign.
        kinds: what each prepares, by name, in the order that decides what is tried.
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials in all, an equal share of each kind.

    Yields:
        The trials.
    """
    for number, (kind, prepare) in enumerate(kinds.items()):
        if indices := missing(kind, -(-count // len(kinds))):
            yield from tried(section, kind, prepare, seed, number, indices)
