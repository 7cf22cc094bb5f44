"""Compare the distances by two features of many matches with errors of other kinds, and print tables.

    python scripts/feature_matches.py --out results/feature-matches
    python scripts/feature_matches.py --out results/few --targets 20

Human-like DX7 voices are matched by ``random``, ``hill_climber`` and ``nearest``, at 10 and 200 renders,
hearing each feature; then Spearman's correlation of both distances with the error of MFCC and with MSS, over
all matches and within a target, and what the second has above the first (bootstrap over targets, 95 %).
Stopped at any moment, the same command goes on with the next target.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tqdm import tqdm

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from battery.judging import Distance, feature_distance, mss
from battery.sounds import RATE, SAMPLES

from agents.baselines.random import Random
from agents.commands.cli import new_parser, run, writing_to
from agents.search.hill_climber import HillClimber
from agents.trials.agent import run as search
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym.checks import whole
from synthgym.features import distance, make_features
from synthgym.files import replaced
from synthgym.parameters import Unit
from synthgym.patches import audible
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

FEATURES = ("logmel", "multiresolution")
BUDGETS = (10, 200)
LOOKED_UP = 4000
"""Voices among which the nearest is looked up."""
RESAMPLED = 1000
ERRORS = ("mfcc", "mss")


def main() -> int:
    """Read the command line, match what is not matched yet, and print."""
    parser = new_parser(__doc__)
    parser.add_argument("--targets", type=int, default=100, help="how many voices (default: 100)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    args = parser.parse_args()
    count = whole("--targets", args.targets, 2, 10_000)
    warnings.filterwarnings("ignore", "Empty filters")  # a window of 10 ms is too short for 32 mel bands
    with writing_to(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
        paths = [args.out / f"{number:04}.json" for number in range(count)]
        if not all(path.exists() for path in paths):
            matches = Matches()
            for number, path in enumerate(tqdm(paths, unit=" targets")):
                if not path.exists():
                    rows = matches.of(number)
                    with replaced(path) as temporary:
                        temporary.write_text(json.dumps(rows), encoding="utf-8")
    rows = pd.DataFrame([row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))])
    print(f"\nAll {len(rows)} matches of {count} targets\n")
    print_table(rows)
    for hearing, found in rows.groupby("hearing"):
        print(f"\nThose that were found hearing {hearing}\n")
        print_table(found)
    return 0


class Matches:
    """Tasks that hear each feature, and human-like voices to look up and to start from."""

    def __init__(self) -> None:
        self._tasks = {name: SoundMatchingTask("dexed", operators=6, feature=name) for name in FEATURES}
        self._known, sounds = self._voices(1, LOOKED_UP)
        made = make_features(FEATURES, RATE, SAMPLES)
        self._looked_up = {
            name: feature(sounds).astype(np.float16) for name, feature in zip(FEATURES, made, strict=True)
        }
        (mfcc,) = make_features(["mfcc"], RATE, SAMPLES)
        self._measures: dict[str, Distance] = {
            **{name: feature_distance(name) for name in FEATURES},
            "mfcc": lambda a, b: np.abs(mfcc(a) - mfcc(b)).mean(axis=(1, 2)),
            "mss": mss,
        }

    def _voices(self, *seed_and_count: int) -> tuple[Unit, Audio]:
        """Return audible human-like voices: unit vectors (count, n) and sounds (count, samples)."""
        *seed, count = seed_and_count
        task, rng = self._tasks[FEATURES[0]], np.random.default_rng(seed)
        units: list[Unit] = []
        sounds: list[Audio] = []
        while len(units) < count:
            unit = task.space.to_unit(task.synth.human_like([rng] * 16))
            rendered = task.render(unit, audio=True).audio
            assert rendered is not None
            units += [one for one, sound in zip(unit, rendered, strict=True) if audible(sound)]
            sounds += [sound for sound in rendered if audible(sound)]
        return np.stack(units[:count]), np.stack(sounds[:count])

    def of(self, number: int) -> list[dict[str, Any]]:
        """Match a target by every agent, hearing every feature; return a row for each match."""
        _, target = self._voices(2, number, 1)
        unit, _ = self._voices(3, number, max(BUDGETS))
        pool = Pool(unit, np.ones(len(unit), np.int64))
        rows = []
        for hearing, task in self._tasks.items():
            aim = task.extract(target)
            known = self._looked_up[hearing]
            blocks = [known[at : at + 256].astype(np.float32) for at in range(0, len(known), 256)]
            far = np.concatenate([distance(block, aim.features[0]) for block in blocks])
            found = {("nearest", budget): self._known[far.argmin()] for budget in BUDGETS}
            for name, agent in (("random", Random()), ("hill_climber", HillClimber())):
                trial = Trial(task, aim, max(BUDGETS), pool, np.random.default_rng(number))
                search(agent, trial)
                for budget in BUDGETS:
                    best = trial.best_of(budget).unit
                    assert best is not None
                    found[name, budget] = best
            sounds = task.render(np.stack([*found.values()]), audio=True).audio
            assert sounds is not None
            errors = {name: measure(sounds, target) for name, measure in self._measures.items()}
            for row, (agent_name, budget) in enumerate(found):
                measured = {name: float(values[row]) for name, values in errors.items()}
                kind = {"target": number, "hearing": hearing, "agent": agent_name, "budget": budget}
                rows.append({**kind, **measured})
        return rows


def print_table(rows: pd.DataFrame) -> None:
    """Print Spearman's correlations over all matches and, in the mean, within a target; and how far the
    second feature's lie above the first's."""
    targets = [of for _, of in rows.groupby("target")]
    rng = np.random.default_rng(0)
    drawn = [np.arange(len(targets)), *rng.integers(0, len(targets), (RESAMPLED, len(targets)))]
    print("| | " + " | ".join(FEATURES) + " | difference | 95 % |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for error in ERRORS:
        values = {name: np.stack([of[name].to_numpy() for of in targets]) for name in (*FEATURES, error)}
        overall = np.array(
            [[_spearman(values[name][i], values[error][i]) for name in FEATURES] for i in drawn]
        )
        each = np.array(
            [
                [_spearman(values[name][[i]], values[error][[i]]) for name in FEATURES]
                for i in range(len(targets))
            ]
        )
        within = np.array([np.nanmean(each[i], axis=0) for i in drawn])
        for label, found in (("over all matches", overall), ("within a target", within)):
            apart = found[:, 1] - found[:, 0]
            low, high = np.quantile(apart[1:], [0.025, 0.975])
            one, other = found[0]
            cells = f"{one:.2f} | {other:.2f} | {apart[0]:+.2f} | {low:+.2f} to {high:+.2f}"
            print(f"| {error}, {label} | {cells} |")


def _spearman(distances: NDArray[np.floating], errors: NDArray[np.floating]) -> float:
    return float(spearmanr(distances.ravel(), errors.ravel()).statistic)


if __name__ == "__main__":
    run(main)
