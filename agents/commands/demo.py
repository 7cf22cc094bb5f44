"""Show in three minutes what this is: match a recording, then let PPO learn.

Matches a recorded electric piano with a DX7 voice in ten seconds; then trains PPO on FM-v0 for about a
minute, compares it on held-out targets with what it was before, and films it. Both are set beside random
patches with as many renders.

    python scripts/demo.py
    python scripts/demo.py --seconds 5 --steps 20000 --out runs/shorter
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.checks import number, whole
from synthgym.making import make_task
from synthgym.task import SoundMatchingTask

from ..api import search
from ..catalogue import prepare
from ..evaluation.targets import Target, read_targets
from ..matching.recording import Recording
from ..matching.usual import usual_search
from ..reports.film import check_film, scenes, write_film
from ..rl.training import save_untrained
from ..training.learners import learner, make_config
from ..training.run_folder import RunFolder
from .cli import new_parser, writing_to
from .compare_matches import compare

RECORDING = Path(__file__).parents[1] / "studio/page/electric_piano.flac"
SECONDS = 10
MATCH_ENV, TRAIN_ENV = "Dexed6Op-v0", "FM-v0"
STEPS = 60_000
TARGETS, RENDERS = 40, 50


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder (default: runs/demo)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of the match (default: {SECONDS})")
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"to train PPO for (default: {STEPS:,}, about a minute)"
    )
    return parser


def main() -> int:
    """Read the command line, match, train, and say what came of it and where it is."""
    args = parser().parse_args()
    seconds, steps = number("seconds", args.seconds, 0.1, 600), whole("steps", args.steps, 1, 10**9)
    check_film(args.out / "ppo/ppo.mp4")
    match_recording(args.out / "match", seconds)
    return train(args.out / "ppo", steps)


def match_recording(out: Path, seconds: float) -> None:
    """Match the recording, write the match, and print how near it is.

    Args:
        out: folder of the match.
        seconds: to search for.
    """
    print(f"1. A DX7 voice (145 parameters) that sounds like {RECORDING.name}, in {seconds:g} seconds\n")
    with writing_to(out):
        search = usual_search(MATCH_ENV, seconds=seconds)
        found = compare(Recording.read(RECORDING), MATCH_ENV, search, ["random"], out)
    match, random = found["agents"]["match.py"], found["agents"]["random"]
    print(f"\n   distance after {found['renders']:,} renders: {text(match)}")
    print(f"   random patches, as many renders:   {text(random)}")
    print(f"   look and listen: {out / 'match.html'}")
    print(f"   preset:          {out / 'match.syx'}, for any DX7 or Dexed\n")


def text(measured: dict[str, Any]) -> str:
    """Return how near a sound is, and how much of its energy is in tune, for people."""
    far, tuned = f"{measured['distance']:.3f}", measured["in_tune"]
    return far if tuned is None else f"{far}, {tuned:.0%} of its energy in tune"


def train(out: Path, steps: int) -> int:
    """Train PPO, or go on with it; print how near it comes before and after; return as ``main``.

    Args:
        out: folder of the run.
        steps: of the environment.

    Returns:
        The exit code.
    """
    print(f"2. PPO learns to program a small FM synth ({TRAIN_ENV}), {steps:,} steps from scratch\n")
    folder = RunFolder(out)
    if folder.config.exists():
        folder.resume({"steps": steps})
    else:
        folder.begin(make_config(TRAIN_ENV, "ppo", 0, steps=steps))
    untrained = out / "untrained.zip"
    if not untrained.exists():
        save_untrained(folder, untrained)
    if ended := learner("ppo").train(folder):
        return ended
    with closing(make_task(TRAIN_ENV, rendering="inline")) as task:
        targets = read_targets(task, f"test:{TARGETS}")[0]
        agents = {"before": f"ppo@{untrained}", "after": f"ppo@{folder.final_model}", "random": "random"}
        far = {name: mean_distance(agent, task, targets) for name, agent in agents.items()}
        film = film_of(agents["after"], task, targets, out / "ppo.mp4")
    print(f"\n   mean distance of {TARGETS} held-out targets after {RENDERS} renders each:")
    print(f"   random patches                        {far['random']:.3f}")
    print(f"   PPO before it learned: a hill climber {far['before']:.3f}")
    print(f"   PPO after it learned                  {far['after']:.3f}")
    print(f"   film: {film}")
    print(f"   log:  tensorboard --logdir {folder.tensorboard}")
    return 0


def mean_distance(agent: str, task: SoundMatchingTask, targets: list[Target]) -> float:
    """Return the mean distance of the best that an agent finds for targets.

    Args:
        agent: its name, as in ``ppo@RUN``.
        task: renders.
        targets: that it searches for, with 50 renders each.

    Returns:
        The mean, from 0 to 1.
    """
    ready = prepare(agent, task)
    trials = [search(ready, task, target.rendered, target.played, RENDERS, 0) for target in targets]
    return float(np.mean([min(trial.distances) for trial in trials]))


def film_of(agent: str, task: SoundMatchingTask, targets: list[Target], path: Path) -> Path:
    """Film an agent with the first target, and return the path.

    Args:
        agent: its name.
        task: renders.
        targets: of which the first is searched for.
        path: of the film.

    Returns:
        The path.
    """
    target = targets[0]
    trial = search(prepare(agent, task), task, target.rendered, target.played, RENDERS, 0)
    with writing_to(path):
        write_film(path, task, target, scenes(task, target, trial.records, 12))
    return path
