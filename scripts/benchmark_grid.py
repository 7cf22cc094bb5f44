"""Make the grid of 11 values of the six FM parameters, and write down how it goes.

    python scripts/benchmark_grid.py --data data/fm --out results

All 11^6 = 1,771,561 examples (pooled log-mel and 13 MFCC, float16), by scripts/make_dataset.py with its
defaults. Writes grid.json: examples that are done and memory (PSS of all processes, MB) over time, in
seconds. Stopped and started again, the set goes on, and only the rest of it is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

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
        raise SynthgymError(f"the set is not finished (exit {making.returncode}); give the command again")
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
    except OSError as error:
        raise SynthgymError(f"cannot write to {args.out}: {error.strerror}; choose another --out") from error
    print(f"{kept['examples']:,} examples in {seconds:,.0f} s; all figures: {args.out / 'grid.json'}")
    return 0


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
