"""Print, in Markdown, whether the same instrument by two soundfonts is nearer than another, by each feature.

    python scripts/two_fonts.py --out data/two-fonts
    python scripts/two_fonts.py --out data/two-fonts --pair timgm6mb opl3 --notes 48:48 60:60 60:72 \\
        --shares .25 .5 1 2

All 128 programs of General MIDI are played by two of Debian's fonts at several notes, at velocity 100, and
scaled to a peak of -18 dBFS as recordings are: 1,024 sounds, some minutes; they are kept in the folder, and
the same command goes on. With the default fonts it judges, as FluidR3 may; the second command is how the
share of the channels of ``embedding`` was chosen, without FluidR3. docs/features.md has the tables. Needs
fluidsynth and the packages of the fonts.
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
sys.path.insert(0, str(Path(__file__).resolve().parent))

from embedding.training import SHARE

from agents.commands.cli import new_parser, run
from agents.evaluation.fluidsynth import RATE, render_notes
from agents.evaluation.soundfonts import FLUIDR3, FONTS, OPL3, TIMGM6MB, Font
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance, make_features
from synthgym.files import replaced
from synthgym.recordings import PEAK
from synthgym.synths import Audio

NAMES = {font.short: font for font in (TIMGM6MB, FLUIDR3, OPL3)}
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
    parser.add_argument(
        "--pair",
        nargs=2,
        choices=NAMES,
        default=[TIMGM6MB.short, FLUIDR3.short],
        help="the two fonts (default: timgm6mb fluidr3)",
    )
    parser.add_argument(
        "--notes",
        nargs="+",
        type=_notes,
        default=PAIRS,
        metavar="A:B",
        help="notes of the first font and of the second (default: the same and octaves, 36 to 72)",
    )
    parser.add_argument(
        "--shares",
        nargs="+",
        type=float,
        metavar="SHARE",
        help="compare embedding with channels that weigh so much of what the bins weigh, not features",
    )
    args = parser.parse_args()
    if args.shares and not all(0 < share < np.inf for share in args.shares):
        raise SynthgymError("--shares: each must be above 0")
    args.out.mkdir(parents=True, exist_ok=True)
    first, second = (NAMES[name] for name in args.pair)
    wanted = dict.fromkeys((font, pair[i]) for i, font in enumerate((first, second)) for pair in args.notes)
    sounds = {(font.short, note): _sounds(args, font, note) for font, note in wanted}
    features: dict[str, Callable[[Audio], Features]]
    features = dict(zip(FEATURES, make_features(FEATURES, RATE, RATE), strict=True))
    if args.shares:
        shares = {f"embedding {share:g}": _weighed(features["embedding"], share) for share in args.shares}
        features = {"multiresolution": features["multiresolution"], **shares}
    ranks: dict[str, NDArray[np.float64]] = {}
    print("| | " + " | ".join(f"{name}: right, rank" for name in features) + " |")
    print("| --- |" + " ---: |" * len(features))
    for name, feature in features.items():
        heard = {place: feature(audio) for place, audio in sounds.items()}
        ranks[name] = np.stack(
            [_ranks(heard[first.short, a], heard[second.short, b]) for a, b in args.notes], axis=1
        )
    every = range(len(args.notes))
    same = [i for i in every if args.notes[i][0] == args.notes[i][1]]
    apart = [i for i in every if i not in same]
    groups = {"the same note, all": same, "apart, all": apart, "all": list(every)}
    for title, columns in (
        *((f"note {a}" if a == b else f"notes {a}, {b}", [i]) for i, (a, b) in enumerate(args.notes)),
        *groups.items(),
    ):
        if columns:
            cells = [_cell(ranks[name][:, columns]) for name in features]
            print(f"| {title} | " + " | ".join(cells) + " |")
    for name in features:
        for title, columns in groups.items():
            if name.startswith("embedding") and columns:
                low, high = _interval(ranks["multiresolution"][:, columns], ranks[name][:, columns])
                print(f"{title}: right, {name} less multiresolution, 95 %: {low:+.3f} to {high:+.3f}")
    clip = next(iter(sounds.values()))[:1]
    print("ms a sound:", ", ".join(f"{name} {_milliseconds(features[name], clip):.2f}" for name in features))
    return 0


def _notes(text: str) -> tuple[int, int]:
    """Return the two notes of ``A:B``."""
    a, b = map(int, text.split(":"))
    if not (0 <= a <= 127 and 0 <= b <= 127):
        raise ValueError(text)
    return a, b


def _weighed(feature: Callable[[Audio], Features], share: float) -> Callable[[Audio], Features]:
    """Return the feature ``embedding`` with channels of another share."""
    (default,) = make_features(["multiresolution"], RATE, RATE)
    bins = default.shape[1]

    def weighed(audio: Audio) -> Features:
        found = feature(audio)
        found[..., bins:] *= np.float32(share / SHARE)
        return found

    return weighed


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
