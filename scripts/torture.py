"""Try to break synthgym: kills, mutated inputs and command lines, full disks, bad plugins, a soak.

    python scripts/torture.py --inputs 1000 --commands 20 --kills 1 --limits 6 --plugins 1 --soak 20
    python scripts/torture.py --inputs 100000 --commands 1000 --kills 60 --limits 60 --plugins 60 --soak 9999

Every trial is a function of the seed and its number, and is written down as it ends: stopped, the same
command goes on. It ends with the table of docs/reliability.md, and with code 1 if there were faults.
"""

from __future__ import annotations

import os

# One thread: what is tried has helpers of its own. Must stand before NumPy's import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from torture.commands import commands
from torture.folders import folders
from torture.inputs import inputs
from torture.kills import kills
from torture.limits import limits
from torture.log import Log, Trial
from torture.plugins import plugins
from torture.report import report
from torture.soak import soak

from agents.commands.cli import new_parser, run
from synthgym.checks import whole

SECTIONS = {
    "inputs": inputs,
    "commands": commands,
    "kills": kills,
    "limits": limits,
    "plugins": plugins,
    "soak": soak,
    "folders": folders,
}
WHAT = {
    "inputs": "mutated inputs, in process, an equal share of each kind",
    "commands": "mutated command lines and their files",
    "kills": "trials of each command, of up to four kills each",
    "limits": "trials of each limit: full disk, read-only folder, memory, clock, signals",
    "plugins": "trainings on a plugin in each kind of trouble",
    "soak": "matches in one process, ten times as many renders of a plugin, a hundred times as many steps",
    "folders": "changed models, runs, data sets, evaluations, submissions, an equal share of each kind",
}


def main() -> int:
    """Make what is missing of the campaign, and print what all of it came to."""
    parser = new_parser(__doc__)
    for name, help_ in WHAT.items():
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"{help_} (default: none)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/torture"), help="folder (default: build/torture)"
    )
    args = parser.parse_args()
    log = Log(args.out / "trials.jsonl")
    counts = {name: whole(name, getattr(args, name), 0, 10**9) for name in SECTIONS}
    start = time.monotonic()
    for trial in _trials(args.seed, counts, log):
        now = time.monotonic()
        log.add(replace(trial, seconds=now - start))
        start = now
        if trial.outcome == "fault":
            print(f"{trial.section}, {trial.kind}, {trial.index}: {trial.what}", file=sys.stderr, flush=True)
    text = report(log.trials)
    (args.out / "report.md").write_text(text, encoding="utf-8")
    print(text)
    return int(any(trial.outcome == "fault" for trial in log.trials))


def _trials(seed: int, counts: dict[str, int], log: Log) -> Iterator[Trial]:
    for section, count in counts.items():
        if count:
            missing = partial(_missing, log, section, seed)
            yield from SECTIONS[section](seed, missing, count)


def _missing(log: Log, section: str, seed: int, kind: str, count: int) -> list[int]:
    return log.missing(section, kind, seed, count)


if __name__ == "__main__":
    run(main)
