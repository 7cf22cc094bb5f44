"""Several trainings side by side, each in the folder of its run: in processes, or on a Ray cluster."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, redirect_stderr, redirect_stdout
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from synthgym.checks import number
from synthgym.errors import SynthgymError
from synthgym.files import replaced, unwritable
from synthgym.rendering import usable_cores

from ..trials.following import follow
from .learners import learner
from .run_config import RunConfig
from .run_folder import RunFolder
from .validation import Validation

TARGETS, SEED = 50, 0
"""Validation targets by which runs are compared: the same for all."""
LOG, DISTANCE = "train.log", "distance.json"
PATIENCE = 120
"""Seconds to wait for a training of the same run whose command was killed, or whose node was lost."""
_busy = threading.Lock()
"""Held while a process trains a run."""
_is_ending = threading.Event()
"""Whether the process that waits for this one has ended it, or is gone."""


class Outcome(NamedTuple):
    """What came of a training.

    Attributes:
        run: its folder.
        distance: mean distance of what its final model finds for the validation targets; None without one.
        problem: why there is none; None if it was stopped by a signal, too.
    """

    run: Path
    distance: float | None
    problem: str | None = None


def train_run(run: Path) -> Outcome:
    """Train the run of a folder to its end, from its newest checkpoint if it has one, and judge its model.

    What a training shows is in ``train.log`` of the folder. What is done is not done again.

    Args:
        run: the folder, with its config.

    Returns:
        What came of it.

    Raises:
        SynthgymError: another process trains it, the folder cannot be written, or it fails for want of a file
            or of memory.
    """
    folder = RunFolder(run)
    with _busy:
        if _is_ending.is_set():
            return Outcome(run, None)
        with folder.held(PATIENCE):
            return _train_run(folder)


def _train_run(folder: RunFolder) -> Outcome:
    run, kept = folder.path, folder.path / DISTANCE
    if (known := _kept_distance(kept)) is not None:
        return Outcome(run, known)
    with (run / LOG).open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            config = RunConfig.read(folder.config)
            if not folder.final_model.is_file() and learner(config.agent).train(folder):
                return Outcome(run, None)
            if _is_ending.is_set():  # while the training wrote its final model, which no signal stops
                return Outcome(run, None)
            with closing(Validation(config, TARGETS, SEED)) as validation:
                bests = validation.search(folder.final_model)
        except OSError as error:
            raise unwritable(run, error) from error
        except Exception as error:  # whatever it is, the other trainings go on
            text = " ".join(str(error).split())
            problem = text if isinstance(error, SynthgymError) else f"{type(error).__name__}: {text}"
            if _of_this_machine(error):
                raise SynthgymError(f"{run}: {problem}; the same command tries it again") from error
            return Outcome(run, None, problem)
    distance = sum(best.distance for best in bests) / len(bests)
    with replaced(kept) as temporary:
        temporary.write_text(
            json.dumps({"distance": distance, "targets": TARGETS, "seed": SEED}), encoding="utf-8"
        )
    return Outcome(run, distance)


def _of_this_machine(error: BaseException | None) -> bool:
    """Return whether the cause is a disk, a file or the memory, not what is trained."""
    while error is not None and not isinstance(error, OSError | MemoryError):
        error = error.__cause__
    return error is not None


def _kept_distance(file: Path) -> float | None:
    """Return the distance in a file; None if it is missing or damaged."""
    try:
        distance = number("distance", json.loads(file.read_text(encoding="utf-8"))["distance"], 0, 1)
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return distance


def by_processes(runs: Iterable[Path], workers: int) -> Iterator[Outcome]:
    """Train runs side by side on this machine.

    Args:
        runs: their folders; one is taken up when there is a process for it.
        workers: processes, 1 or more.

    Returns:
        What came of each, as it ends. An error ends the others with a checkpoint.
    """
    runs, sent = iter(runs), set[Future[Outcome]]()
    threads = max(usable_cores() // workers, 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (threads,)) as pool:
        try:
            while True:
                sent |= {pool.submit(train_run, run) for run in islice(runs, workers - len(sent))}
                if not sent:
                    return
                ready, sent = wait(sent, return_when=FIRST_COMPLETED)
                for each in ready:
                    yield each.result()
        except BrokenProcessPool as error:
            raise SynthgymError(
                "a training was killed; the same command goes on from its checkpoint"
            ) from error
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def by_ray(runs: Iterable[Path], workers: int | None, address: str | None) -> Iterator[Outcome]:
    """Train runs on the cores of a Ray cluster, whose nodes share the disk that the folders are on.

    A run whose node is lost goes on from its checkpoint on another.

    Args:
        runs: their folders; one is taken up when there is a core for it.
        workers: how many at once (default: one for each core).
        address: of the cluster.

    Returns:
        What came of each, as it ends.
    """
    from synthgym.rendering.cluster import RETRIES, Tasks  # ray is an extra

    tasks = Tasks(workers, address)
    train = tasks.ray.remote(num_cpus=1, max_retries=RETRIES)(train_run)
    for outcome in tasks.unordered(train.remote, runs, patiently=True):
        if outcome.distance is not None and not RunFolder(outcome.run).final_model.is_file():
            raise SynthgymError(
                f"{outcome.run} was written on another disk; give a --log-dir that all nodes share"
            )
        yield outcome


def _begin(threads: int) -> None:
    """Begin a process, which the one that waits for it ends by SIGTERM."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    signal.signal(signal.SIGTERM, _terminated)
    follow(_end)


def _terminated(number: int, frame: FrameType | None) -> None:
    """End what is done for a run, where no training catches the signal.

    An idle process waits for its pool to end it: killed, it would hold the lock of the pool's queue for good,
    and the others would wait for that.
    """
    _is_ending.set()
    if _busy.locked():
        sys.exit(128 + number)


def _end() -> None:
    """End this process, with a checkpoint."""
    _is_ending.set()
    os.kill(os.getpid(), signal.SIGTERM)
    with _busy:
        os._exit(1)  # else it would wait for another run
