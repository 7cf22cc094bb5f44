"""Write the model of a run of guided as it comes with the package.

    python scripts/ship.py runs/Dexed6Op-v0-guided-0/final_model.zip

Weights have 16 bits, and the file a checksum. Each version stays in the history of the repository: ship once.
"""

from __future__ import annotations

from pathlib import Path

from ..guided.model import Model
from ..guided.shipped import ship
from ..training.shipped import SHIPPED, SUFFIX
from .cli import new_parser, writing_to


def main() -> int:
    """Read the command line, write the file, and say where it is."""
    parser = new_parser(__doc__)
    parser.add_argument("model", type=Path, help="final_model.zip of a run")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder (default: where they are)")
    args = parser.parse_args()
    model, _ = Model.load(args.model)
    path = args.out / f"{model.origin.env}{SUFFIX}"
    with writing_to(args.out):
        ship(model.kept(), path)
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0
