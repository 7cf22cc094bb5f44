"""Compare agents: the same targets, seeds and budgets of renders for all.

    python scripts/evaluate.py --env Dexed1Op-v0 --agents random,hill_climber,cma_es --targets test:100 \\
        --out results/dexed1
    python scripts/evaluate.py --validate results/dexed1
    python scripts/evaluate.py --env FM-v0 --agents halving --targets test:20 --out results/fm \\
        --submit docs/scoreboard/halving.json
    python scripts/evaluate.py --validate docs/scoreboard/halving.json

Writes to OUT: trials.jsonl (a line for every trial, as it is done), results.parquet (a row for every agent,
target, seed and budget), summary.md, and pictures of curves and of matches. Interrupted, the same command
goes on; with more agents, it adds theirs. --submit writes what one agent found to a file for the scoreboard.
"""

from __future__ import annotations

import argparse
import json
import os

# One thread for each worker. Must stand before NumPy's import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from synthgym.checks import one_of, whole
from synthgym.errors import SynthgymError
from synthgym.files import as_given, shown
from synthgym.making import make_task
from synthgym.registration import known_id
from synthgym.settings import check_same_settings
from synthgym.task import SoundMatchingTask

from ..catalogue import AGENTS, Sources, prepare
from ..evaluation.replay import MARGIN, TIMES, replay
from ..evaluation.results import Results, read_rows
from ..evaluation.statistics import finite
from ..evaluation.submission import check_asked, other_versions, read_submission, submit
from ..evaluation.targets import find_targets, read_targets
from ..evaluation.trials import evaluate
from ..reports.evaluation_files import write_files
from ..reports.summary import LEFT_OUT, in_short
from .cli import ENV_KWARGS, SYNTH, add_keywords, add_workers, answer, new_parser, read_keywords, synth_id

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = "1,10,50,200,1000"
"""Of several notes a target, so many times each."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "the mean distance of each agent after each budget")
    what = parser.add_argument_group("what is compared")
    what.add_argument("--env", help=SYNTH)
    add_keywords(what, "--env-kwargs", ENV_KWARGS)
    what.add_argument(
        "--agents",
        metavar="NAMES",
        help=f"of {', '.join(AGENTS)}; a+b: the guess of a, refined by b; a@RUN: a, trained by that run",
    )
    what.add_argument(
        "--targets",
        default="test:100",
        help="test:N, folders of recordings or presets, or several with commas (default: test:100)",
    )
    what.add_argument(
        "--budgets", help=f"renders, as {BUDGETS} (default; so many times each with notes_per_target)"
    )
    what.add_argument("--seeds", type=int, default=3, help="trials of each target (default: 3)")
    known = parser.add_argument_group("what agents know")
    known.add_argument("--dataset", type=Path, help="data set for nearest")
    known.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        help="folder of the runs of training; seed s is that of the s-th run (default: runs)",
    )
    known.add_argument(
        "--more-features", default="", help="by which nsga3 compares too, as mfcc (default: none)"
    )
    where = parser.add_argument_group("where it runs, and where results are")
    where.add_argument("--out", type=Path, help="folder of the results")
    add_workers(where, "inline, processes (default), ray or cuda", "processes")
    where.add_argument(
        "--submit",
        type=Path,
        metavar="FILE",
        help="write the rows of the one agent as a submission to the scoreboard, too (.json)",
    )
    where.add_argument("--by", help="who submits it (default: who did before, or anonymous)")
    where.add_argument(
        "--validate", type=Path, metavar="FILE", help="render the rows of an evaluation or submission again"
    )
    return parser


def main() -> int:
    """Read the command line, and evaluate or validate."""
    args = parser().parse_args()

    if args.validate:
        return validate(args.validate)
    for name in ("env", "agents", "out"):
        if not getattr(args, name):
            raise SynthgymError(f"--{name} is missing; or give --validate FILE")
    one_of("backend", args.backend, ("inline", "processes", "ray", "cuda"))
    try:
        asked = [int(text) for text in (BUDGETS if args.budgets is None else args.budgets).split(",")]
    except ValueError as error:
        raise SynthgymError(
            f"--budgets are whole numbers with commas between; got {args.budgets!r}"
        ) from error
    budgets = sorted({whole("a budget", renders, 1, 10**6) for renders in asked})
    env_id, named = synth_id(args.env, {})
    settings = {
        "env": env_id,
        # Paths stay as they are typed: a submission is rendered again in another clone.
        "env_kwargs": {**named, **read_keywords(args.env_kwargs)},
        "more_features": [name for name in args.more_features.split(",") if name],
        "targets": args.targets,
        "budgets": budgets,
        "dataset": None if args.dataset is None else str(args.dataset.resolve()),
    }
    seeds = whole("seeds", args.seeds, 1, 1000)
    names = list(dict.fromkeys(args.agents.split(",")))
    if args.submit:
        check_asked(args.submit, names, args.targets)
    task = make_task(
        settings["env"],
        settings["env_kwargs"],
        more_features=settings["more_features"],
        rendering=args.backend,
        workers=args.workers,
        address=args.address,
    )
    sources = Sources(env=settings["env"], dataset=args.dataset, runs=args.runs)
    with closing(task):
        budgets = settings["budgets"] = budgets_of(task, budgets, said=args.budgets is not None)
        agents = {shown(name): prepare(name, task, sources) for name in names}
        targets, silent = read_targets(task, args.targets)
        if not targets:
            raise SynthgymError(f"all {silent} targets of {args.targets} are silent; give others")
        with closing(Results(args.out, settings | task.describe() | {"versions": versions(task)})) as results:
            print(
                f"{len(targets)} targets ({silent} silent ones left out), {seeds} seed{'s' * (seeds != 1)}",
                flush=True,
            )
            try:
                evaluate(task, agents, targets, seeds, budgets, results)
                write_files(task, targets, results, silent)
                rows, left_out = results.rows(), results.left_out()
                print(in_short(rows))
                if left_out:
                    print(f"{LEFT_OUT}: {'; '.join(left_out)}.")
                means = mean_distances(rows)
                if args.submit:
                    submit(args.submit, args.by, names[0], results.settings, rows)
            except KeyboardInterrupt:
                kept = f"{len(results.trials)} trials are kept"
                print(f"\nstopped; {kept}; the same command goes on from there", flush=True)
                return 130
    print(f"summary: {args.out / 'summary.md'}, with intervals, tests and other measures")
    print(f"rows:    {args.out / 'results.parquet'}; pictures are beside them")
    if args.submit:
        print(f"submission: {args.submit}")
    answer({"out": args.out, "targets": len(targets), "silent": silent, "seeds": seeds, "distances": means})
    return 0


def budgets_of(task: SoundMatchingTask, budgets: list[int], *, said: bool) -> list[int]:
    """Return the budgets of a task, in renders; SynthgymError if one is too small for a patch.

    Args:
        task: each note of a target of which costs a render.
        budgets: that were said, or the usual ones, which are of one note.
        said: whether they were said.

    Returns:
        The budgets, ascending.
    """
    each = task.notes_per_target
    if not said:
        return [each * budget for budget in budgets]
    if budgets[0] < each:
        raise SynthgymError(
            f"a budget of {budgets[0]} is too small: a patch costs {each} renders, one for each note of a "
            f"target; give --budgets of {each} and more"
        )
    return budgets


def mean_distances(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the mean distance of each agent of an evaluation after each budget, over targets and seeds."""
    means = finite(rows).groupby(["agent", "budget"], as_index=False)["distance"].mean()
    return [
        {"agent": str(agent), "budget": int(budget), "distance": float(distance)}
        for agent, budget, distance in means.itertuples(index=False)
    ]


def versions(task: SoundMatchingTask) -> dict[str, str]:
    """Return the versions of what a row depends on."""
    packages = ("synthgym", task.synth.engine_package, "numpy", "scipy", "cma", "pymoo", "librosa")
    return {name: version(name) for name in packages}


def check_same_game(path: Path, rows: pd.DataFrame, task: SoundMatchingTask) -> None:
    """Raise SynthgymError, by name, if rows were made with another feature, prior or sound than a task's.

    Args:
        path: of the rows, for the message.
        rows: that were read.
        task: of now.
    """
    if "task" not in rows:
        return  # of an older version, which kept less
    for kept in rows["task"].unique():
        remedy = "give back what has changed, or evaluate again"
        check_same_settings(f"{path} has rows of a task", json.loads(kept), task.describe(), remedy)


def validate(path: Path) -> int:
    """Render every row's parameters again and compare the distances.

    They are equal, but for rounding, if the synth is repeatable, and otherwise within the noise of patch and
    target.
    """
    frame = read_submission(path) if path.suffix == ".json" else read_rows(path)
    wrong: list[str] = []
    # A row says which environment and which target it is of; a file may hold those of several.
    for (env, env_kwargs, source), rows in frame.groupby(["env", "env_kwargs", "targets"]):
        with closing(make_task(known_id(env), json.loads(env_kwargs), rendering="auto")) as task:
            check_same_game(path, rows, task)
            replayed = replay(
                task, find_targets(task, as_given(source), {*rows["target"]}), rows.to_dict("records")
            )
        wrong += replayed.wrong
        if most := max(replayed.tolerances):
            print(
                f"{env} does not render the same sound each time: rows may be off by {MARGIN:g} times what "
                f"{TIMES} renders of a patch differ by, of theirs and of the target's; that is "
                f"{median(replayed.tolerances):.2g} in the median and {most:.2g} at most"
            )
    for line in wrong:
        print(line)
    if wrong and path.suffix == ".json" and (others := other_versions(path)):
        print(f"it was made with other versions: {'; '.join(others)}")
    print(f"{len(frame):,} rows, {len(wrong):,} differ")
    answer({"rows": len(frame), "differ": wrong})
    return 1 if wrong else 0
