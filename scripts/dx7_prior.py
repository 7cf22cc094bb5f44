"""Fit the prior of DX7 voices (synthgym/synths/dx7_prior.npz), judge what it draws, write what judges it.

    python scripts/dx7_prior.py fit --shared FOLDER
    python scripts/dx7_prior.py judge --shared FOLDER --seeds 3
    python scripts/dx7_prior.py write --shared FOLDER --out data/hexter_judge

Two thirds of the voices are fitted, the third to judge by is not looked at; ``write`` puts hexter's of that
third into a folder, targets for evaluate.py. Voices come from Debian's package
hexter and from ``FOLDER/voices`` (default: the environment variable SYNTHGYM_SHARED), see ``dx7/voices.py``.
Figures are in docs/prior.md.
"""

from __future__ import annotations

import os

# The same sums on every machine; must stand before NumPy's import.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
from collections.abc import Callable
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from dx7 import measures, network, voices
from tqdm import tqdm

from agents.commands.cli import new_parser, run, writing_to
from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.parameters import Native
from synthgym.synths import dx7_prior, make_synth
from synthgym.synths.dx7_voice import write_syx

DRAWS = 2000
RECORDINGS = Path(__file__).parents[1] / "examples" / "targets"


def main() -> int:
    """Read the command line; fit, judge or write."""
    parser = new_parser(__doc__)
    parser.add_argument("command", choices=("fit", "judge", "write"))
    parser.add_argument("--shared", type=Path, default=os.environ.get("SYNTHGYM_SHARED"))
    parser.add_argument("--hexter", type=Path, default=Path("/usr/share/hexter"), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the fit (default: 0)")
    parser.add_argument(
        "--out", type=Path, help=f"file of fit (default: {dx7_prior.WEIGHTS}), or folder of write"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help=f"of {DRAWS:,} draws each, to judge (default: 1)"
    )
    parser.add_argument("--feature", default="logmel", help="to judge by (default: %(default)s)")
    args = parser.parse_args()
    if args.shared is None:
        raise SynthgymError("give the folder that holds voices by --shared, or set SYNTHGYM_SHARED")
    if args.command == "write":
        if args.out is None:
            raise SynthgymError("write needs a folder: give it by --out")
        write(voices.of_hexter(args.hexter, args.shared / "voices")[1], args.out)
        return 0
    fitted, to_judge = voices.read(args.hexter, args.shared / "voices")
    if args.command == "judge":
        judge(fitted, to_judge, args.feature, whole("--seeds", args.seeds, 1, 1000))
        return 0
    weights = network.fit(fitted, seed=whole("--seed", args.seed, 0, 2**32))
    out = args.out or dx7_prior.WEIGHTS
    with writing_to(out), replaced(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **weights)
    print(f"{out}: fitted to {len(fitted)} voices, {out.stat().st_size / 1000:.0f} kB")
    return 0


def write(to_judge: Native, out: Path) -> None:
    """Write each voice into a folder as a single-voice dump."""
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(to_judge):
            write_syx(out / f"judge_{number:03}.syx", row, f"JUDGE {number}")
    print(f"{out}: {len(to_judge)} voices")


def judge(fitted: Native, to_judge: Native, feature: str, seeds: int) -> None:
    """Print a table of measures, means over seeds, of priors and of the voices that were fitted."""
    space = make_synth("dexed", operators=6).space
    kinds: dict[str, Callable[[np.random.Generator], Native]] = {
        "this prior": lambda rng: dx7_prior.human_like([rng] * DRAWS),
        "each value alone": lambda rng: voices.marginals(fitted, DRAWS, rng),
        "uniform": lambda rng: space.to_native(space.sample(rng, DRAWS)),
        f"the {len(fitted)} fitted voices": rng_free(fitted),
    }
    recordings = sorted(RECORDINGS.glob("*.wav"))
    judged_by = measures.Judge(fitted, to_judge, recordings, feature)
    print(f"{len(to_judge)} voices and {len(recordings)} recordings to judge by, {feature}\n")
    print("| | " + " | ".join(measures.Measures._fields) + " |")
    print("| --- |" + " ---: |" * len(measures.Measures._fields))
    for name, draw in kinds.items():
        found = [judged_by.measure(draw(np.random.default_rng(i))) for i in tqdm(range(seeds), leave=False)]
        texts = [
            f"{mean:.4f} ± {std:.4f}" for mean, std in zip(np.mean(found, 0), np.std(found, 0), strict=True)
        ]
        print(f"| {name} | " + " | ".join(texts) + " |", flush=True)


def rng_free(fitted: Native) -> Callable[[np.random.Generator], Native]:
    """Return a function that gives voices in a random order."""
    return lambda rng: rng.permutation(fitted)


if __name__ == "__main__":
    run(main)
