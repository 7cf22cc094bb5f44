"""Measure how many Dexed voices a GPU renders in a second, their default feature included.

    pip install -e '.[cuda]'
    python scripts/benchmark_cuda.py
    python scripts/benchmark_cuda.py --voices 1000,10000 --operators 1

First 256 voices are compared with the processor's: equal samples, and distances of at most 1e-4 between the
features. Then so many voices are rendered, human-like ones of a second at 44.1 kHz (4,096 of them, again and
again): unit vectors in, features in the main memory out. Features of what is rendered before are not kept. It
takes at most five minutes; a size for which too little time is left is left out. Without a device it says so,
and its exit code is 2.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from agents.benchmarks import report
from agents.commands.cli import new_parser, run
from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.parameters import Unit
from synthgym.synths.dexed import DexedSynth
from synthgym.task import SoundMatchingTask

SIZES = "1000,10000,100000,1000000"
DISTINCT = 4096
CHECKED = 256
BY_PROCESSOR = 1000
"""So many the processor is timed with."""
SECONDS = 300.0
NEAR = 1e-4


def main() -> int:
    """Compare, measure and print."""
    start = time.monotonic()
    parser = new_parser(__doc__)
    parser.add_argument("--voices", default=SIZES, help="how many in a measurement (default: %(default)s)")
    parser.add_argument("--operators", type=int, default=6, help="of a voice, 1 to 6 (default: 6)")
    args = parser.parse_args()
    try:
        sizes = [whole("--voices", int(text), 1, 10**8) for text in args.voices.split(",")]
    except ValueError as error:
        raise SynthgymError(f"--voices are whole numbers with commas between; got {args.voices!r}") from error

    gpu, threads = (
        SoundMatchingTask("dexed", operators=args.operators, engine="batched", rendering=rendering)
        for rendering in ("cuda", "threads")
    )
    synth = DexedSynth(operators=args.operators)
    natives = synth.human_like([np.random.default_rng(i) for i in range(DISTINCT)])
    unit = gpu.space.quantise(gpu.space.to_unit(natives))
    described = ", ".join(f"{name} {value}" for name, value in report.machine().items())
    print(f"{described}\n{card()}, {gpu.renderer.rows:,} voices at once", flush=True)
    compare(gpu, threads, unit[:CHECKED])
    rate, took = measure(threads, unit, BY_PROCESSOR)
    print("\n| rendered by | voices | s | renders with features / s |\n| --- | ---: | ---: | ---: |")
    cores = threads.renderer.workers
    print(f"| processor, {cores} threads | {BY_PROCESSOR:,} | {took:.2f} | {rate:,.0f} |", flush=True)
    measure(gpu, unit, 2 * CHECKED)
    fastest = 0.0
    for size in sizes:
        left = SECONDS - (time.monotonic() - start)
        if fastest and size / fastest > left:
            print(f"| GPU | {size:,} | | left out: {left:.0f} s left |")
            continue
        rate, took = measure(gpu, unit, size)
        fastest = max(fastest, rate)
        print(f"| GPU | {size:,} | {took:.2f} | {rate:,.0f} |", flush=True)
    return 0


def card() -> str:
    """Return the name and the memory of the device, and whose CUDA it is."""
    import torch

    if not torch.cuda.is_available():
        return "Numba's simulator"
    facts = torch.cuda.get_device_properties(0)
    return f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, torch {torch.__version__}"


def compare(gpu: SoundMatchingTask, processor: SoundMatchingTask, unit: Unit) -> None:
    """Raise SynthgymError unless both render unit vectors (B, n) alike."""
    start = time.perf_counter()
    ours = gpu.render(unit)
    compiled = time.perf_counter() - start
    audio, theirs = gpu.render(unit, audio=True).audio, processor.render(unit, audio=True)
    assert audio is not None
    assert theirs.audio is not None
    differ = int((audio != theirs.audio).any(axis=1).sum())
    far = float(distance(ours.features[0], theirs.features[0]).max())
    print(
        f"{len(unit)} voices: {differ} sounds differ, features by at most {far:.1e} (distance); "
        f"compiled and rendered in {compiled:.1f} s",
        flush=True,
    )
    if differ or far > NEAR:
        raise SynthgymError("the GPU does not render as the processor does; report it, with these lines")


def measure(task: SoundMatchingTask, unit: Unit, size: int) -> tuple[float, float]:
    """Return renders a second, and the seconds, of so many voices, as many at once as suit the renderer."""
    start, done = time.perf_counter(), 0
    most = max(task.renderer.rows, BY_PROCESSOR)
    while done < size:
        count = min(most, size - done)
        task.render(np.resize(unit, (count, unit.shape[1])))
        done += count
    took = time.perf_counter() - start
    return size / took, took


if __name__ == "__main__":
    run(main)
