"""Make a page of an evaluation: tables, curves, histograms, and every match to look at and to listen to.

    python scripts/report.py results/fm
    python scripts/report.py results/low results/high --out results/both.html

Writes report.html to the evaluation's folder: one file, that opens from disk, with all in it. Several
evaluations of one synth, as of other notes, are one page with tables over all their targets, which are
written as Markdown beside it as well; agents and numbers of renders that not all of them have are left out.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path

import pandas as pd

from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.registration import known_id

from ..evaluation.pooled import Finished, together
from ..reports.evaluation_page import Evaluated, write_report
from ..reports.summary import LEFT_OUT, summary
from .cli import answer, new_parser


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "where the page is")
    parser.add_argument("results", type=Path, nargs="+", help="folders of evaluations")
    parser.add_argument(
        "--budget", type=int, help="renders after which matches are shown (default: the most)"
    )
    parser.add_argument("--out", type=Path, help="the HTML file (default: report.html in the folder)")
    return parser


def main() -> int:
    """Read the command line, and write the page."""
    args = parser().parse_args()
    several = len(args.results) > 1
    if several and args.out is None:
        raise SynthgymError("several evaluations have no folder in common; name the page by --out")
    path = args.out or args.results[0] / "report.html"
    finished, left_out = together(args.results)
    budgets = sorted({*finished[0].rows["budget"]})
    budget = budgets[-1] if args.budget is None else args.budget
    if budget not in budgets:
        raise SynthgymError(f"--budget is one of {', '.join(map(str, budgets))}; got {budget}")
    with ExitStack() as stack:
        evaluations = []
        for one in finished:
            task = make_task(known_id(one.settings["env"]), one.settings["env_kwargs"], rendering="auto")
            stack.enter_context(closing(task))
            rows, curves = one.rows, one.curves
            rows, curves = rows[rows["budget"] <= budget], curves[curves["render"] <= budget]
            evaluations.append(Evaluated(task, one.targets(task), rows, curves))
        try:
            path.touch()
            shown = write_report(path, evaluations, title(finished), left_out)
            if several:
                note, notes = evaluations[0].task.synth.note, evaluations[0].task.notes_per_target
                rows = pd.concat([one.rows for one in evaluations])
                with replaced(path.with_suffix(".md")) as temporary:
                    temporary.write_text(summary(rows, 0, left_out, note.duration, notes), encoding="utf-8")
        except OSError as error:
            raise SynthgymError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    print(f"{path}: {shown:,} matches, {path.stat().st_size / 1e6:.1f} MB")
    if left_out:
        print(f"{LEFT_OUT}: {'; '.join(left_out)}")
    answer({"page": path, "matches": shown, "left_out": left_out})
    return 0


def title(evaluations: list[Finished]) -> str:
    """Return what was evaluated, in a line: the synth, and the keywords that all evaluations have."""
    first, *others = (one.settings["env_kwargs"].items() for one in evaluations)
    common = [f"{name}={value}" for name, value in first if all((name, value) in other for other in others)]
    return " ".join([evaluations[0].settings["env"], *common])
