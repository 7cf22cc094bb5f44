"""Several trainings by one command: seeds, and hyperparameters that are looked for."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from synthgym.checks import one_of, whole
from synthgym.errors import SynthgymError

from ..training.learners import learner, make_config
from ..training.run_config import RunConfig
from ..training.run_folder import run_name
from ..training.spaces import extremes, space_of, suggest
from ..training.sweep import Sweep
from ..training.trainings import Outcome, by_processes, by_ray
from .cli import answer, read_keywords


def is_several(args: argparse.Namespace) -> bool:
    """Return whether several trainings are asked for; SynthgymError for options that are for those only."""
    if args.seeds is not None or args.sweep is not None:
        return True
    for name, usual in (("space", []), ("workers", None), ("address", None), ("backend", "processes")):
        if getattr(args, name) != usual:
            raise SynthgymError(f"--{name} goes with --seeds or --sweep; give one of them, too")
    return False


def train_several(args: argparse.Namespace, env_id: str, asked: Mapping[str, Any]) -> int:
    """Train, or go on with what is there, and print the table.

    Args:
        args: of the command.
        env_id: of the environment.
        asked: options of a run's config; None are not asked for.

    Returns:
        The exit code.
    """
    seeds, trials = _seeds(args), 1 if args.sweep is None else whole("--sweep", args.sweep, 1, 10_000)
    one_of("backend", args.backend, ("processes", "ray"))
    workers = None if args.workers is None else whole("--workers", args.workers, 1, 4096)
    if args.address is not None and args.backend != "ray":
        raise SynthgymError("--address goes with --backend ray")
    if args.resume:
        raise SynthgymError("several trainings go on where they are without --resume; leave it out")
    if args.space and args.sweep is None:
        raise SynthgymError("--space goes with --sweep N; say how many trials")
    fixed = asked["hyperparameters"] or {}

    def make(seed: int, hyperparameters: Mapping[str, Any]) -> RunConfig:
        given = {**fixed, **hyperparameters} or None
        return make_config(env_id, args.agent, **{**asked, "seed": seed, "hyperparameters": given})

    config, space = make(seeds[0], {}), None
    if args.sweep is not None:
        space = space_of(args.agent, read_keywords(args.space), fixed)
        for tried in (suggest(space, [], seeds[0]), *extremes(space)):
            make(seeds[0], tried)  # what cannot be tried fails before a folder is
    learner(args.agent).check(config)
    usual = (
        Path("runs") if space is None else Path("runs") / f"{run_name(env_id, args.agent, seeds[0])}-sweep"
    )
    folder = (args.log_dir or usual).absolute()
    by = partial(by_ray, workers=workers, address=args.address)
    if args.backend == "processes":
        by = partial(by_processes, workers=workers or 1)
    with closing(Sweep(folder, config, make, seeds, space, trials)) as sweep:
        try:
            _train(sweep, by, trials * len(seeds))
        except (KeyboardInterrupt, SystemExit) as error:  # Ctrl-C, SIGTERM
            print(f"\nstopped; the same command goes on\n{sweep.table()}", flush=True)
            answer({"file": sweep.file, "stopped": True, **sweep.document()})
            return 130 if isinstance(error, KeyboardInterrupt) else 128 + signal.SIGTERM
        print(f"distance of {args.agent} on {config.env}, best first:\n{sweep.table()}\n{sweep.file}")
        answer({"file": sweep.file, "stopped": False, **sweep.document()})
        unfinished = not all(trial.done for trial in sweep.trials.values())
    if unfinished:
        raise SynthgymError("a training was ended by a signal; the same command goes on from its checkpoint")
    return 0


def _train(sweep: Sweep, by: Any, count: int) -> None:
    done = sum(len(trial.distances) for trial in sweep.trials.values())
    print(
        f"{count} trainings, {done} of them done; watch them: tensorboard --logdir {sweep.file.parent}",
        flush=True,
    )
    with tqdm(total=count, initial=done, unit=" trainings", desc="training") as bar:

        def progress(outcome: Outcome) -> None:
            bar.update(outcome.distance is not None or outcome.problem is not None)
            if outcome.problem is not None:
                bar.write(f"{outcome.run} failed: {outcome.problem}")

        sweep.train(by, progress)


def _seeds(args: argparse.Namespace) -> list[int]:
    if args.seeds is None:
        return [args.seed or 0]
    if args.seed is not None:
        raise SynthgymError("--seed is one, --seeds are several; give one of the options")
    try:
        seeds = dict.fromkeys(map(int, args.seeds.split(",")))
    except ValueError as error:
        raise SynthgymError(f"--seeds are whole numbers with commas between; got {args.seeds!r}") from error
    return [whole("seed", seed, 0, 2**31 - 1) for seed in seeds]
