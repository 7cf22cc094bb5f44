"""Measure how fast synthgym is, and print the tables in Markdown.

    python scripts/benchmark.py
    python scripts/benchmark.py --sections steps,vector --rounds 3 --out results

All that is compared takes turns within one run, round after round, so that a noisy machine is noisy
for each; figures are medians over the rounds, ratios medians of every round's ratio.
"""

from __future__ import annotations

import os

# One thread each, as where environments share the cores. Must stand before NumPy's import.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import tempfile
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

import synthgym  # noqa: F401, registers the ids
from envs_registry import MAX_EPISODE_STEPS
from synthgym.checks import one_of, whole

from ..benchmarks import report
from ..benchmarks.section import Effort, Section
from .cli import answer, new_parser, writing_to

SECTIONS = (
    "features",
    "engine",
    "steps",
    "vector",
    "others",
    "handwritten",
    "growth",
    "lookup",
    "searches",
    "datasets",
    "nodes",
    "studio",
    "endurance",
)
"""Each is ``SECTION`` in a module of ``benchmarks``, imported when it is measured: torch takes seconds."""

EPISODE = MAX_EPISODE_STEPS + 1


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "the figures, as --out writes them,")
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--sections", default=",".join(SECTIONS), metavar="NAMES", help="with commas (default: %(default)s)"
    )
    what.add_argument("--rounds", type=int, default=7, help="turns of each contender (default: 7)")
    what.add_argument(
        "--steps",
        type=int,
        default=EPISODE,
        help=f"of each of 16 environments in a turn (default: {EPISODE}, an episode and a reset)",
    )
    what.add_argument("--out", type=Path, help="folder for benchmark.md and benchmark.json")
    return parser


def main() -> int:
    """Read the command line, measure, print and write."""
    args = parser().parse_args()
    names = list(dict.fromkeys(args.sections.split(",")))
    for name in names:
        one_of("section", name, SECTIONS)
    effort = Effort(whole("--rounds", args.rounds, 1, 1000), whole("--steps", args.steps, 1, 10**6))
    if args.out:
        check_writable(args.out)

    facts = report.machine()
    print(report.heading(facts, effort), flush=True)
    results = []
    for name in tqdm(names, unit=" sections", desc="measuring"):
        section: Section = import_module(f"..benchmarks.{name}", __package__).SECTION
        results.append((section, section.measure(effort)))
        print(report.table(*results[-1]), flush=True)
    if args.out:
        report.write(args.out, facts, effort, results)
    answer(report.content(facts, effort, results))
    return 0


def check_writable(folder: Path) -> None:
    """Make a folder; SynthgymError if nothing can be written there, before minutes are spent."""
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
