"""Compare agents: the same targets, seeds and budgets of renders for all.

    python scripts/evaluate.py --env Dexed1Op-v0 --agents random,hill_climber,cma_es --targets test:100 \\
        --out results/dexed1
    python scripts/evaluate.py --validate results/dexed1

Writes trials.jsonl (a line for every trial, as it is done), results.parquet (a row for every agent, target,
seed and budget) and summary.md to OUT. Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from cli import known_id, read_keywords, run

from agents.catalogue import AGENTS, Sources, prepare
from agents.evaluation import Results, check, evaluate
from agents.statistics import compare, markdown
from agents.targets import read_targets
from envs_registry import ENVIRONMENTS
from synthgym.checks import one_of, whole
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.task import SoundMatchingTask

BUDGETS = "1,10,50,200,1000"


def main() -> int:
    """Read the command line, and evaluate or validate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", help="environment id, as Dexed1Op-v0")
    parser.add_argument(
        "--agents", metavar="NAMES", help=f"of {', '.join(AGENTS)}; a+b: the guess of a, refined by b"
    )
    parser.add_argument(
        "--targets",
        default="test:100",
        help="test:N, or a folder of recordings or presets (default: test:100)",
    )
    parser.add_argument("--budgets", default=BUDGETS, help=f"renders, as {BUDGETS} (default)")
    parser.add_argument("--seeds", type=int, default=3, help="trials of each target (default: 3)")
    parser.add_argument("--dataset", type=Path, help="data set for nearest")
    parser.add_argument(
        "--more-features", default="", help="by which nsga3 compares too, as mfcc (default: none)"
    )
    parser.add_argument("--env-kwargs", nargs="+", default=[], metavar="NAME=VALUE", help="as in train.py")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    parser.add_argument("--backend", default="processes", help="inline, processes (default) or ray")
    parser.add_argument("--address", help="of a running Ray cluster")
    parser.add_argument("--validate", type=Path, metavar="DIR", help="render the rows of an evaluation again")
    args = parser.parse_args()

    if args.validate:
        return validate(args.validate)
    for name in ("env", "agents", "out"):
        if not getattr(args, name):
            raise SynthgymError(f"--{name} is missing; or give --validate DIR")
    one_of("backend", args.backend, ("inline", "processes", "ray"))
    try:
        budgets = sorted({whole("budget", int(text), 1, 10**6) for text in args.budgets.split(",")})
    except ValueError as error:
        raise SynthgymError(
            f"--budgets are whole numbers with commas between; got {args.budgets!r}"
        ) from error
    settings = {
        "env": known_id(args.env),
        "env_kwargs": read_keywords(args.env_kwargs),
        "more_features": [name for name in args.more_features.split(",") if name],
        "targets": args.targets,
        "budgets": budgets,
        "dataset": None if args.dataset is None else str(args.dataset.resolve()),
    }
    seeds = whole("seeds", args.seeds, 1, 1000)
    task = make_task(settings, rendering=args.backend, workers=args.workers, address=args.address)
    names = list(dict.fromkeys(args.agents.split(",")))
    agents = {name: prepare(name, task, Sources(args.dataset)) for name in names}
    targets, silent = read_targets(task, args.targets)
    results = Results(args.out, settings | {"versions": versions(task)})
    print(f"{len(targets)} targets ({silent} silent ones left out), {seeds} seeds", flush=True)
    try:
        evaluate(task, agents, targets, seeds, budgets, results)
    except KeyboardInterrupt:
        print(f"\nstopped; {len(results.trials)} trials are kept; the same command goes on from there")
        return 130
    finally:
        task.close()
    frame = pd.DataFrame(results.rows())
    with replaced(args.out / "results.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    table = markdown(compare(frame))
    with replaced(args.out / "summary.md") as temporary:
        temporary.write_text(table)
    print(table)
    print(f"rows: {args.out / 'results.parquet'}")
    return 0


def make_task(settings: dict[str, Any], **rendering: Any) -> SoundMatchingTask:
    """Make the task of an evaluation."""
    env_id = settings["env"]
    one_of("environment", env_id, ENVIRONMENTS)
    keywords = {**ENVIRONMENTS[env_id], **settings["env_kwargs"]}
    return SoundMatchingTask(**keywords, more_features=settings["more_features"], **rendering)


def versions(task: SoundMatchingTask) -> dict[str, str]:
    """Return the versions of what a row depends on."""
    packages = ("synthgym", task.synth.engine_package, "numpy", "scipy", "cma", "pymoo")
    return {name: version(name) for name in packages}


def validate(folder: Path) -> int:
    """Render every row's parameters again and compare the distances, which must be equal."""
    try:
        settings = json.loads((folder / "evaluation.json").read_text())
        frame = pd.read_parquet(folder / "results.parquet")
    except (OSError, ValueError) as error:
        raise SynthgymError(f"{folder} holds no finished evaluation: {error}") from error
    task = make_task(settings, rendering="threads")
    targets, _ = read_targets(task, settings["targets"])
    wrong = check(task, targets, frame.to_dict("records"))
    task.close()
    for line in wrong:
        print(line)
    print(f"{len(frame):,} rows, {len(wrong):,} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    run(main)
