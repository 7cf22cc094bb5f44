"""Make a page of an evaluation: tables, curves, histograms, and every match to look at and to listen to.

    python scripts/report.py results/fm
    python scripts/report.py results/low results/high --out results/both.html

Writes report.html to the evaluation's folder: one file, that opens from disk, with all in it; and report.md,
its tables, with tests against the agents that you name. Several evaluations of one synth, as of other notes,
are one page with tables over all their targets; agents and numbers of renders that not all of them have
are left out.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path

import pandas as pd

from synthgym.checks import one_of
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.registration import known_id

from ..evaluation.pooled import Finished, together
from ..evaluation.statistics import REFERENCES
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
    parser.add_argument(
        "--against",
        default=",".join(REFERENCES),
        metavar="AGENTS",
        help=f"that all others are tested against (default: {','.join(REFERENCES)})",
    )
    parser.add_argument("--out", type=Path, help="the HTML file (default: report.html in the folder)")
    return parser


def main() -> int:
    """Read the command line, and write the page."""
    args = parser().parse_args()
    if len(args.results) > 1 and args.out is None:
        raise SynthgymError("several evaluations have no folder in common; name the page by --out")
    path = args.out or args.results[0] / "report.html"
    tables = path.with_suffix(".md")
    if path == tables:
        raise SynthgymError(f"--out names the page, and its tables are {tables}; end it by .html")
    finished, left_out = together(args.results)
    budgets = sorted({*finished[0].rows["budget"]})
    budget = budgets[-1] if args.budget is None else args.budget
    if budget not in budgets:
        raise SynthgymError(f"--budget is one of {', '.join(map(str, budgets))}; got {budget}")
    against = args.against.split(",")
    for name in set(against) - set(REFERENCES):
        one_of("agent to test --against", name, sorted({*finished[0].rows["agent"]}))
    with ExitStack() as stack:
        evaluations = []
        for one in finished:
            task = make_task(known_id(one.settings["env"]), one.settings["env_kwargs"], rendering="auto")
            stack.enter_context(closing(task))
            early = one.of({*one.rows["agent"]}, {renders for renders in budgets if renders <= budget})
            evaluations.append(Evaluated(task, one.targets(task), early.rows, early.curves))
        try:
            path.touch()
            shown = write_report(path, evaluations, title(finished), left_out)
            rows, task = pd.concat([one.rows for one in evaluations]), evaluations[0].task
            text = summary(rows, 0, left_out, task.synth.note.duration, task.notes_per_target, against)
            with replaced(tables) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SynthgymError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    print(f"{path}: {shown:,} matches, {path.stat().st_size / 1e6:.1f} MB; tables: {tables}")
    if left_out:
        print(f"{LEFT_OUT}: {'; '.join(left_out)}")
    answer({"page": path, "tables": tables, "matches": shown, "left_out": left_out})
    return 0


def title(evaluations: list[Finished]) -> str:
    """Return what was evaluated, in a line: the synth, and the keywords that all evaluations have."""
    first, *others = (one.settings["env_kwargs"].items() for one in evaluations)
    common = [f"{name}={value}" for name, value in first if all((name, value) in other for other in others)]
    return " ".join([evaluations[0].settings["env"], *common])
