"""Make the grid of 11 values of the six FM parameters, and write down how it goes.

    python scripts/benchmark_grid.py --data data/fm --out results

All 11^6 = 1,771,561 examples (pooled log-mel and 13 MFCC, float16), by scripts/make_dataset.py with its
defaults. Writes grid.json, with the examples that are done and the memory (PSS of all processes, MB)
over time, in seconds, and grid.md, with what follows for larger sets. The folder of the set must be new:
one that goes on would be measured in part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from benchmarks import report
from cli import run

from synthgym.datasets.store import read_manifest
from synthgym.errors import SynthgymError
from synthgym.files import replaced

COMMAND = "--env FM-v0 --grid {values} --features pooled-logmel,mfcc-13"
SECONDS = 10.0
"""Between two looks."""


def main() -> int:
    """Run the command beside a watch, and write what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the set")
    parser.add_argument("--out", type=Path, required=True, help="folder for grid.json")
    parser.add_argument("--values", type=int, default=11, help="of each parameter (default: 11)")
    args = parser.parse_args()

    if args.data.exists():
        raise SynthgymError(f"{args.data} is there already; choose another --data")
    arguments = COMMAND.format(values=args.values).split()
    script = Path(__file__).with_name("make_dataset.py")
    start = time.monotonic()
    making = subprocess.Popen([sys.executable, script, *arguments, "--out", args.data])
    curve: list[dict[str, float]] = []
    while making.poll() is None:
        try:
            making.wait(SECONDS)
        except subprocess.TimeoutExpired:
            seen = {"seconds": time.monotonic() - start, "memory": memory(making.pid)}
            curve.append(seen | {"examples": done(args.data)})
    if making.returncode:
        raise SynthgymError(f"the set is not finished (exit {making.returncode}); choose another --data")
    seconds = time.monotonic() - start
    kept = {
        "machine": report.machine(),
        "command": f"python scripts/make_dataset.py {' '.join(arguments)} --out {args.data}",
        "examples": read_manifest(args.data)["size"],
        "seconds": seconds,
        "peak_memory": max((seen["memory"] for seen in curve), default=0.0),
        "bytes": sum(path.stat().st_size for path in args.data.rglob("*") if path.is_file()),
        "curve": curve,
    }
    try:
        with replaced(args.out / "grid.json") as temporary:
            temporary.write_text(json.dumps(kept, indent=1))
        with replaced(args.out / "grid.md") as temporary:
            temporary.write_text(page(kept))
    except OSError as error:
        raise SynthgymError(f"cannot write to {args.out}: {error.strerror}; choose another --out") from error
    print(f"{kept['examples']:,} examples in {seconds:,.0f} s; see {args.out / 'grid.md'}")
    return 0


def page(kept: dict[str, Any]) -> str:
    """Return the figures in Markdown."""
    rate = kept["examples"] / kept["seconds"]
    cores = kept["machine"]["cores"]
    lines = [
        f"## The FM grid of {kept['examples']:,} examples",
        "",
        f"`{kept['command']}`, once, to its end, on {cores} cores:",
        f"{kept['seconds'] / 60:.1f} minutes, {rate:.0f} examples/s, at most {kept['peak_memory']:.0f} MB of "
        f"memory, {kept['bytes'] / 1e9:.2f} GB on disk.",
        "",
        "| examples done | minutes | examples/s since the line before | memory, MB |",
        "| ---: | ---: | ---: | ---: |",
    ]
    before = {"examples": 0.0, "seconds": 0.0}
    for target in np.geomspace(10**4, kept["examples"], 12):
        seen = next((seen for seen in kept["curve"] if seen["examples"] >= target), None)
        if seen is None or seen["examples"] == before["examples"]:
            continue
        since = (seen["examples"] - before["examples"]) / (seen["seconds"] - before["seconds"])
        minutes = seen["seconds"] / 60
        lines.append(f"| {seen['examples']:,} | {minutes:.1f} | {since:.0f} | {seen['memory']:.0f} |")
        before = seen
    lines += [
        "",
        "At that rate for each core, hours for larger sets like it, as far as one machine",
        "can write them (1.4 kB an example here) and nobody waits:",
        "",
        "| examples | one machine of 8 cores | 10 machines of 64 cores | 100 machines of 64 cores |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for power in (6, 8, 10):
        hours = [10**power / (rate / cores * many) / 3600 for many in (8, 640, 6400)]
        lines.append(f"| 10^{power} | {' | '.join(f'{hour:,.3g}' for hour in hours)} |")
    return "\n".join(lines) + "\n"


def memory(pid: int) -> float:
    """Return the memory of a process and its children in MB; shared pages count in part."""
    total = 0
    try:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        pass
    return total / 1e6


def done(data: Path) -> int:
    """Return how many examples are written."""
    blocks = data / "parameters" / "c"
    if not blocks.is_dir():
        return 0
    manifest = read_manifest(data)
    return int(min(manifest["block"] * sum(1 for _ in blocks.iterdir()), manifest["size"]))


if __name__ == "__main__":
    run(main)
