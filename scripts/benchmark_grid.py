"""Make the grid of 11 values of the six FM parameters, and write down how it goes.

    python scripts/benchmark_grid.py --data data/fm --out results

All 11^6 = 1,771,561 examples (pooled log-mel and 13 MFCC, float16), by scripts/make_dataset.py with its
defaults. Writes grid.json, with the examples that are done and the memory (PSS of all processes, MB)
over time, in seconds, and grid.md, with what follows for larger sets. The folder of the set must be new:
one that goes on would be measured in part.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil

from agents.benchmarks import report
from agents.benchmarks.process import memory_of
from agents.commands.cli import new_parser, run, writing_to
from synthgym import datasets
from synthgym.datasets.manifest import read_manifest
from synthgym.datasets.store import Store
from synthgym.errors import SynthgymError
from synthgym.files import replaced

FEATURES = ("pooled-logmel", "mfcc-13")
COMMAND = f"--env FM-v0 --grid {{values}} --features {','.join(FEATURES)}"
SECONDS = 10.0
"""Between two looks."""


def main() -> int:
    """Run the command beside a watch, and write what was seen."""
    parser = new_parser(__doc__)
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
    try:
        curve = watch(making, args.data, start)
    finally:
        making.kill()  # nothing is left behind if the watch is interrupted
        making.wait()
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
        "writes": writes(args.data, args.values),
        "curve": curve,
    }
    with writing_to(args.out):
        with replaced(args.out / "grid.json") as temporary:
            temporary.write_text(json.dumps(kept, indent=1, allow_nan=False), encoding="utf-8")
        with replaced(args.out / "grid.md") as temporary:
            temporary.write_text(page(kept), encoding="utf-8")
    print(f"{kept['examples']:,} examples in {seconds:,.0f} s; see {args.out / 'grid.md'}")
    return 0


def watch(making: subprocess.Popen[bytes], data: Path, start: float) -> list[dict[str, float]]:
    """Return what is seen of a process until it ends, every few seconds after its start."""
    curve: list[dict[str, float]] = []
    while making.poll() is None:
        try:
            making.wait(SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
                held = memory_of(psutil.Process(making.pid))
                seconds = time.monotonic() - start
                curve.append({"seconds": seconds, "memory": held, "examples": done(data)})
    return curve


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
    last = {"examples": kept["examples"], "seconds": kept["seconds"], "memory": kept["peak_memory"]}
    for target in np.geomspace(10**3, kept["examples"], 13):
        seen = next((seen for seen in kept["curve"] if seen["examples"] >= target), last)
        if seen["examples"] == before["examples"]:
            continue
        since = (seen["examples"] - before["examples"]) / (seen["seconds"] - before["seconds"])
        minutes = seen["seconds"] / 60
        lines.append(f"| {seen['examples']:,} | {minutes:.1f} | {since:.0f} | {seen['memory']:.0f} |")
        before = seen
    each, most, size = rate / cores, kept["writes"], kept["bytes"] / kept["examples"]
    lines += [
        "",
        f"Hours for larger sets like it, at that rate for each core. One command writes {most:,.0f}",
        f"examples/s at most (measured; {size:.0f} bytes an example), so that {most / each:.0f} cores keep",
        "it busy; commands with other seeds and folders share the work of a larger cluster.",
        "",
        "| examples | 8 cores | 64 cores | 8 commands with 64 cores each |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for power in (6, 8, 10):
        rates = (min(8 * each, most), min(64 * each, most), 8 * min(64 * each, most))
        lines.append(f"| 10^{power} | {' | '.join(f'{10**power / r / 3600:,.3g}' for r in rates)} |")
    return "\n".join(lines) + "\n"


def writes(data: Path, values: int) -> float:
    """Return examples per second that one process takes in and writes: the first block, again and again."""
    recipe = datasets.Recipe("FM-v0", FEATURES, rendering="inline").grid(values)
    kept = datasets.load(data)
    stop = min(recipe.block(), len(kept))
    arrays = {"parameters": kept.parameters, "split": kept.split, "renders": kept.renders}
    arrays |= {f"features/{name}": kept.features[name] for name in FEATURES}
    block = {name: array[:stop] for name, array in arrays.items()}
    spent = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "set", recipe) as store:
        for _ in range(7):
            start = time.perf_counter()
            # As they come from elsewhere, and as they are searched for test patches.
            block = pickle.loads(pickle.dumps(block))
            held_out = [row.tobytes() for row in recipe.task.space.to_native(block["parameters"])]
            store.write(0, block)
            spent.append((time.perf_counter() - start) / len(held_out))
    return 1 / float(np.median(spent))


def done(data: Path) -> int:
    """Return how many examples are written."""
    blocks = data / "parameters" / "c"
    if not blocks.is_dir():
        return 0
    manifest = read_manifest(data)
    return int(min(manifest["block"] * sum(1 for _ in blocks.iterdir()), manifest["size"]))


if __name__ == "__main__":
    run(main)
