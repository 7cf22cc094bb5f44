"""Train the feature ``embedding`` (synthgym/features/embedding.npz) on renders of synths alone.

    python scripts/train_embedding.py --out data/embedding

Renders shards of views (of each patch itself, a small change of it, and both at another note) and trains
on them; stopped at any moment, the same command goes on. Some 3 minutes of one core. docs/features.md has
figures. With other weights distances are others.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import torch
from embedding.training import train, write_weights
from embedding.views import shard_path, write_shards

from agents.commands.cli import new_parser, run
from synthgym.checks import whole
from synthgym.features.embedding import WEIGHTS


def main() -> int:
    """Read the command line, render, train, and write the weights."""
    parser = new_parser(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of shards and of the checkpoint")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="file to write (default: %(default)s)")
    parser.add_argument("--shards", type=int, default=60, help="of some 220 patches each (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    args = parser.parse_args()
    shards = whole("--shards", args.shards, 1, 10_000)
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    write_shards(args.out, args.seed, shards)
    network = train(args.out, shards, args.seed)
    write_weights(network, np.load(shard_path(args.out, 0)), args.weights)
    print(f"{args.weights}: {args.weights.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    run(main)
