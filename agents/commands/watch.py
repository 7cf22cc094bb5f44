"""Film an agent turning a synthesiser's knobs towards a target, with sound.

    python scripts/watch.py --env FM-v0 --agent hill_climber
    python scripts/watch.py --env Dexed6Op-v0 --agent halving --budget 5000 --target marimba.wav
    python scripts/watch.py --env Dexed1Op-v0 --model runs/first/final_model.zip

Each scene is a sound that was nearer than all before it.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.making import check_one_note_each, make_task
from synthgym.parameters import Unit
from synthgym.rendering import Rendered

from ..api import search
from ..catalogue import AGENTS, Sources, parse, prepare
from ..evaluation.targets import read_targets
from ..reports.film import check_film, scenes, write_film
from ..training.learners import origin_of
from ..trials.trial import Trial
from .cli import ENV_KWARGS, SYNTH, add_agent, add_keywords, new_parser, read_keywords, synth_id


class Shown(Trial):
    """A trial whose progress is shown."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bar = tqdm(total=self.budget, unit=" renders", desc="searching")

    def after_render(self, unit: Unit, rendered: Rendered) -> None:
        """Count the renders on the bar.

        Args:
            unit: unit vectors (B, n).
            rendered: their features.
        """
        self.bar.update(len(unit))
        if self.spent >= 1:
            self.bar.close()


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__)
    synth = parser.add_argument_group("synth and target")
    synth.add_argument("--env", required=True, help=SYNTH)
    add_keywords(synth, "--env-kwargs", ENV_KWARGS)
    synth.add_argument(
        "--target",
        default="test:1",
        help="a recording, or test:N, the last of N held-out patches (default: test:1)",
    )
    search = parser.add_argument_group("search")
    add_agent(search, AGENTS, "hill_climber; with --model ppo, with --dataset nearest+hill_climber")
    search.add_argument("--budget", type=int, default=200, help="renders to spend (default: 200)")
    search.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    film = parser.add_argument_group("film")
    film.add_argument("--scenes", type=int, default=12, help="sounds to show at most (default: 12)")
    film.add_argument(
        "--out", type=Path, default=Path("matches/watch.mp4"), help="the file (default: matches/watch.mp4)"
    )
    return parser


def main() -> int:
    """Read the command line, let the agent search, and write the film."""
    args = parser().parse_args()

    budget, most = whole("budget", args.budget, 1, 10**7), whole("scenes", args.scenes, 1, 1000)
    seed = whole("seed", args.seed, 0, 2**32 - 1)
    env_id, env_kwargs = synth_id(args.env, read_keywords(args.env_kwargs))
    usual = "hill_climber" if args.dataset is None else "nearest+hill_climber"
    name = args.agent or (usual if args.model is None else "ppo")
    spec = parse(name)
    check_film(args.out)
    if args.model is not None:
        env_kwargs = {**origin_of(spec, args.model, env_id).env_kwargs, **env_kwargs}
        spec = spec.with_model(args.model)
    with closing(make_task(env_id, env_kwargs, rendering="auto")) as task:
        check_one_note_each(task, "a film")
        target = read_targets(task, args.target)[0][-1]
        agent = prepare(spec, task, Sources(env=env_id, dataset=args.dataset))
        trial = search(agent, task, target.rendered, target.played, budget, seed, Shown)
        if not trial.has_sound:
            raise SynthgymError(f"{name} found no sound; choose another --agent")
        write_film(args.out, task, target, scenes(task, target, trial.records, most))
    print(f"film: {args.out}")
    return 0
