"""Make a data set of parameters and what they sound like.

    python scripts/make_dataset.py --env FM-v0 --out data/fm --grid 11
    python scripts/make_dataset.py --env Dexed1Op-v0 --out data/dexed --size 100000 --seed 0
    python scripts/make_dataset.py --env Dexed6Op-v0 --out data/voices --patches human --size 30000
    python scripts/make_dataset.py --env Dexed6Op-v0 --out data/dx7 --patches DIR --jitter 0.05 --size 50000

Stopped at any moment, the same command goes on; with a larger --size the set grows. About a tenth of the
items, or of the presets, is for validation. Read it with synthgym.datasets.load(FOLDER).
"""

from __future__ import annotations

import argparse
import os

# One thread for each worker. Must stand before NumPy's import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from contextlib import closing
from pathlib import Path

from synthgym.errors import SynthgymError

from .cli import ENV_KWARGS, SYNTH, add_keywords, add_workers, answer, new_parser, read_keywords, synth_id


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "how many items there are")
    what = parser.add_argument_group("which items")
    what.add_argument("--env", required=True, help=SYNTH)
    add_keywords(what, "--env-kwargs", ENV_KWARGS)
    what.add_argument("--size", type=int, help="items: random patches, or presets and variations of them")
    what.add_argument(
        "--patches",
        help="human (such as people make; the default where the synth knows them, as Dexed, or brings 16 "
        "programs, as amsynth), uniform, or a folder of presets: .syx, .dx7, .mid, .json",
    )
    what.add_argument("--grid", type=int, help="all combinations of this many values of each parameter")
    what.add_argument(
        "--jitter",
        type=float,
        help="standard deviation by which parameters of a variation move, in [0, 1] (default: 0)",
    )
    what.add_argument("--seed", type=int, help="of random items and variations (default: 0)")
    kept = parser.add_argument_group("what is kept of them")
    kept.add_argument("--out", type=Path, required=True, help="folder of the set")
    kept.add_argument(
        "--features",
        default="multiresolution",
        help="comma-separated: multiresolution, embedding, logmel, mfcc, mfcc-13 (coefficients), "
        "pooled-logmel (22 x 32 means); default: multiresolution",
    )
    kept.add_argument(
        "--dtype", default="float16", help="float16 (default; beyond 65,504 values are clipped) or float32"
    )
    kept.add_argument("--audio", action="store_true", help="keep the audio too")
    kept.add_argument(
        "--verify", action="store_true", help="read all that is there, and make again what is damaged"
    )
    add_workers(
        parser.add_argument_group("where it runs"),
        "auto (default), inline, threads, processes, ray or cuda",
        "auto",
    )
    return parser


def main() -> int:
    """Read the command line, make the set, and say what it is."""
    args = parser().parse_args()

    folder = check(args)
    env_id, env_kwargs = synth_id(args.env, read_keywords(args.env_kwargs))
    if "patches" in env_kwargs:
        raise SynthgymError("patches are said by --patches, not by --env-kwargs")
    if args.patches is not None and folder is None:
        env_kwargs["patches"] = args.patches
    from synthgym import datasets  # after the checks: zarr is an extra

    recipe = datasets.Recipe(
        env_id,
        [name for name in args.features.split(",") if name],
        dtype=args.dtype,
        audio=args.audio,
        env_kwargs=env_kwargs,
        rendering=args.backend,
        workers=args.workers,
        address=args.address,
    )
    seed = args.seed or 0
    with closing(recipe.task):
        if args.grid is not None:
            recipe.grid(args.grid)
        elif folder is not None:
            recipe.presets(folder, jitter=args.jitter or 0.0, size=args.size, seed=seed)
        else:
            recipe.random(args.size, seed)
        made = datasets.make(args.out, recipe, verify=args.verify)
    print(f"{args.out}: {recipe.source.size:,} items, {made:,} of them made now")
    answer({"folder": args.out, "items": recipe.source.size, "made": made})
    return 0


def check(args: argparse.Namespace) -> Path | None:
    """Return the folder of presets, if there is one; SynthgymError for options that do not go together."""
    folder = None if args.patches in (None, "human", "uniform") else Path(args.patches)
    if (args.grid, folder, args.size) == (None, None, None):
        raise SynthgymError("say what to make: --size N, --grid N, or --patches FOLDER")
    for name in ("patches", "size", "seed"):
        if getattr(args, name) is not None and args.grid is not None:
            raise SynthgymError(f"--{name} does not go with --grid; give one of them")
    if args.jitter is not None and folder is None:
        raise SynthgymError("--jitter goes with --patches FOLDER")
    if args.address is not None and args.backend != "ray":
        raise SynthgymError("--address goes with --backend ray")
    return folder
