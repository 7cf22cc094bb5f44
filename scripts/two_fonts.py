"""Print, in Markdown, whether the same instrument by two soundfonts is nearer than another, by each feature.

    python scripts/two_fonts.py --out data/two-fonts

All 128 programs of General MIDI are played by Debian's FluidR3 and TimGM6mb at several notes, at velocity
100, and scaled to a peak of -18 dBFS as recordings are: 1,024 sounds, some minutes; they are kept in the
folder, and the same command goes on. docs/features.md has the tables. Needs fluidsynth, fluid-soundfont-gm
and timgm6mb-soundfont.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agents.commands.cli import new_parser, run
from agents.evaluation.fluidsynth import RATE, render_notes
from agents.evaluation.soundfonts import FLUIDR3, FONTS, TIMGM6MB, Font
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance, make_features
from synthgym.files import replaced
from synthgym.recordings import PEAK
from synthgym.synths import Audio

FEATURES = ("multiresolution", "logmel", "mfcc", "embedding")
PROGRAMS = range(1, 129)
NOTES = (36, 48, 60, 72)
PAIRS = (*((note, note) for note in NOTES), (48, 60), (60, 48), (60, 72), (72, 60))
"""Notes of one font and of the other."""
DRAWS = 2000
"""Of the bootstrap."""


def main() -> int:
    """Read the command line, play what is missing, and print the tables."""
    parser = new_parser(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sounds")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder of the soundfonts")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    fonts = (TIMGM6MB, FLUIDR3)
    sounds = {(font.short, note): _sounds(args, font, note) for font in fonts for note in NOTES}
    features = dict(zip(FEATURES, make_features(FEATURES, RATE, RATE), strict=True))
    ranks: dict[str, NDArray[np.float64]] = {}
    print("| | " + " | ".join(f"{name}: right, rank" for name in FEATURES) + " |")
    print("| --- |" + " ---: |" * len(FEATURES))
    for name, feature in features.items():
        heard = {place: feature(audio) for place, audio in sounds.items()}
        ranks[name] = np.stack(
            [_ranks(heard[fonts[0].short, a], heard[fonts[1].short, b]) for a, b in PAIRS], axis=1
        )
    same = len(NOTES)
    for title, columns in (
        *((f"note {note}", [i]) for i, note in enumerate(NOTES)),
        ("the same note, all", range(same)),
        ("an octave apart, all", range(same, len(PAIRS))),
    ):
        cells = [_cell(ranks[name][:, list(columns)]) for name in FEATURES]
        print(f"| {title} | " + " | ".join(cells) + " |")
    for title, part in (("same note", slice(0, same)), ("octave apart", slice(same, None))):
        low, high = _interval(ranks["multiresolution"][:, part], ranks["embedding"][:, part])
        print(
            f"{title}: right, embedding less multiresolution, 95 % over programs: {low:+.3f} to {high:+.3f}"
        )
    clip = sounds[fonts[1].short, NOTES[0]][:1]
    print("ms a sound:", ", ".join(f"{name} {_milliseconds(features[name], clip):.2f}" for name in FEATURES))
    return 0


def _sounds(args: Namespace, font: Font, note: int) -> Audio:
    """Return a note of all programs (128, samples), levelled."""
    out, fonts = args.out, args.fonts
    if not (fonts / font.file).is_file():
        raise SynthgymError(f"no {font.file} in {fonts}: apt-get install {font.package}")
    played = []
    for program in tqdm(PROGRAMS, desc=f"{font.short} {note}", leave=False):
        path = out / f"{Path(font.file).stem}_{program:03}_{note:03}.npy"
        if not path.exists():
            with replaced(path) as temporary:
                np.save(temporary, render_notes(fonts / font.file, program, [note], 100))
        sound = np.load(path)
        played.append(sound * np.float32(PEAK / max(float(np.abs(sound).max()), 1e-6)))
    return np.stack(played)


def _ranks(a: Features, b: Features) -> NDArray[np.float64]:
    """Return how many other programs are nearer than the same one, (128, 2): from each of the fonts."""
    far = np.stack([distance(one[None], b) for one in a])
    own = np.diag(far)
    return np.stack(
        [(table < own[:, None]).sum(1) + ((table == own[:, None]).sum(1) - 1) / 2 for table in (far, far.T)],
        axis=1,
    )


def _right(ranks: NDArray[np.float64]) -> float:
    return float(1 - ranks.mean() / (len(PROGRAMS) - 1))


def _cell(ranks: NDArray[np.float64]) -> str:
    return f"{_right(ranks):.3f}, {1 + np.median(ranks):g}"


def _interval(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a difference of shares, programs being drawn again."""
    gain = (before - after).reshape(len(before), -1).mean(1) / (len(PROGRAMS) - 1)
    drawn = np.random.default_rng(0).integers(len(gain), size=(DRAWS, len(gain)))
    low, high = np.quantile(gain[drawn].mean(1), [0.025, 0.975])
    return float(low), float(high)


def _milliseconds(feature: Callable[[Audio], Features], clip: Audio) -> float:
    """Return the median time of a clip."""
    times = []
    for _ in range(100):
        start = time.perf_counter()
        feature(clip)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


if __name__ == "__main__":
    run(main)
