"""Render single notes of soundfonts, by FluidSynth: real sounds to train on, and others to judge by.

    python scripts/real_sounds.py --set validation --out data/real
    python scripts/evaluate.py --env Dexed6Op-v0 --agents random --targets data/real --out results/real

Writes WAV files and manifest.json (of each sound font, program, note, velocity, hold and duration; of each
font licence and checksum). Stopped at any moment, the same command goes on. Nothing that trains or tunes
may use the set validation. Needs Debian's packages fluidsynth, timgm6mb-soundfont and opl3-soundfont (train),
fluid-soundfont-gm (validation).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from synthgym.checks import one_of
from synthgym.recorded_notes import read_manifest

from ..evaluation.real_sounds import write_real_sounds
from ..evaluation.soundfonts import FONTS, SETS
from .cli import answer, new_parser


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "how many sounds there are")
    parser.add_argument("--set", required=True, help=f"which: {' or '.join(SETS)}")
    parser.add_argument("--out", type=Path, required=True, help="folder of the set")
    parser.add_argument(
        "--fonts", type=Path, default=FONTS, help=f"folder of the soundfonts (default: {FONTS})"
    )
    return parser


def main() -> int:
    """Read the command line, render the set, and say what it is."""
    args = parser().parse_args()

    one_of("set", args.set, SETS)
    made = write_real_sounds(args.out, args.set, args.fonts)
    sounds = len(read_manifest(args.out))
    print(f"{args.out}: {sounds:,} sounds, {made:,} of them made now")
    answer({"folder": args.out, "sounds": sounds, "made": made})
    return 0
