"""Print, in Markdown, what features say of differences that are known; docs/features.md has the tables.

    python scripts/feature_battery.py

Needs Debian's package hexter, whose voices are played; a minute.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from battery.judging import (
    CENTS,
    EVENTS,
    QUARTER_TONE,
    SEMITONE,
    Distance,
    detuned,
    events,
    feature_distance,
    level,
    mss,
    voices_heard,
)
from battery.sounds import HEXTER, NOTES, tone, voices

from agents.commands.cli import new_parser, run
from synthgym.errors import SynthgymError

MEASURES: dict[str, Distance] = {
    "multiresolution": feature_distance("multiresolution"),
    "logmel": feature_distance("logmel"),
    "mfcc": feature_distance("mfcc"),
    "embedding": feature_distance("embedding"),
    "MSS, dB": mss,
}
EVERY = 6
"""Of hexter's voices one in so many is played."""


def main() -> int:
    """Read the command line, measure and print."""
    new_parser(__doc__).parse_args()
    if not HEXTER.is_dir():
        raise SynthgymError(f"{HEXTER} is missing; install Debian's package hexter")
    warnings.filterwarnings("ignore", "Empty filters")  # a window of 10 ms is too short for 32 mel bands
    native = voices()[::EVERY]
    for name, measure in MEASURES.items():
        print(f"\n{name}, sustained tone\n")
        columns = ["note", "3 dB", *(f"{cents} cents" for cents in CENTS), *EVENTS, "octave"]
        row(columns)
        row(["---:"] * len(columns))
        for note in NOTES:
            octave = measure(tone(note + 12)[None], tone(note)[None])[0]
            values = [level(measure, tone(note), 3), *detuned(measure, note, "sustained")]
            row([str(note), *map(text, [*values, *events(measure, note).values(), octave])])
    print(f"\nSemitone and quarter tone over 3 dB; the median of {len(native)} voices\n")
    names = [name for name in MEASURES if name != "MSS, dB"]  # by MSS softer is the same
    heads = [f"{name}: {what}" for name in names for what in ("sustained", "inharmonic", "voices")]
    row(["note", *heads])
    row(["---:"] * (len(heads) + 1))
    for note in NOTES:
        cells = []
        for name in names:
            measure = MEASURES[name]
            for kind in ("sustained", "inharmonic"):
                far = detuned(measure, note, kind) / level(measure, tone(note, kind), 3)
                cells.append(f"{far[SEMITONE]:.1f} {far[QUARTER_TONE]:.1f}")
            heard = voices_heard(measure, native, note)
            ratios = [np.median(far / heard.softer) for far in (heard.semitone, heard.quarter_tone)]
            cells.append(f"{ratios[0]:.1f} {ratios[1]:.1f}")
        row([str(note), *cells])
    return 0


def text(value: float) -> str:
    """Return a distance as the tables show it."""
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}".lstrip("0")


def row(cells: Sequence[str]) -> None:
    """Print a row of a table."""
    print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    run(main)
