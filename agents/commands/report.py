"""Make a page of an evaluation: tables, curves, histograms, and every match to look at and to listen to.

    python scripts/report.py results/fm

Writes report.html to the evaluation's folder: one file, that opens from disk, with all in it.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.registration import known_id

from ..evaluation.results import Results
from ..evaluation.targets import find_targets
from ..reports.evaluation_page import write_report
from ..reports.summary import LEFT_OUT
from .cli import answer, new_parser


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "where the page is")
    parser.add_argument("results", type=Path, help="folder of an evaluation")
    parser.add_argument(
        "--budget", type=int, help="renders after which matches are shown (default: the most)"
    )
    parser.add_argument("--out", type=Path, help="the HTML file (default: report.html in the folder)")
    return parser


def main() -> int:
    """Read the command line, and write the page."""
    args = parser().parse_args()
    with closing(Results.opened(args.results)) as results:
        settings, rows, curves = results.settings, results.rows(), results.curves()
        left_out = results.left_out()
    budgets = sorted(rows["budget"].unique().tolist())
    budget = budgets[-1] if args.budget is None else args.budget
    if budget not in budgets:
        raise SynthgymError(f"--budget is one of {', '.join(map(str, budgets))}; got {budget}")
    with closing(make_task(known_id(settings["env"]), settings["env_kwargs"], rendering="auto")) as task:
        targets = find_targets(task, settings["targets"], {*rows["target"]})
        path = args.out or args.results / "report.html"
        try:
            path.touch()
            shown = write_report(
                path,
                task,
                targets,
                rows[rows["budget"] <= budget],
                curves[curves["render"] <= budget],
                title(settings),
                left_out,
            )
        except OSError as error:
            raise SynthgymError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    print(f"{path}: {shown:,} matches, {path.stat().st_size / 1e6:.1f} MB")
    if left_out:
        print(f"{LEFT_OUT}: {'; '.join(left_out)}")
    answer({"page": path, "matches": shown, "left_out": left_out})
    return 0


def title(settings: dict[str, Any]) -> str:
    """Return what was evaluated, in a line."""
    keywords = " ".join(f"{name}={value}" for name, value in settings["env_kwargs"].items())
    return f"{settings['env']} {keywords}".strip()
