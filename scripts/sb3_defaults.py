"""Train stable-baselines3's algorithms with their own defaults, as is tried first, and print what they learn.

    python scripts/sb3_defaults.py --env FM-v0 Dexed1Op-v0 --steps 50000 --seeds 3
    python scripts/sb3_defaults.py --env FM-v0 --algorithm SAC --env-kwargs max_nudge=0.05

A row is a training: the return, the last and the best distance of an episode, means over the first and the
last fifth of its steps. Nothing is passed to the algorithm but the environment and a seed.
"""

from __future__ import annotations

import os

# One thread: the networks are small, and several trainings may share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from pathlib import Path
from typing import Any

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gymnasium as gym
import numpy as np
import stable_baselines3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from tqdm import tqdm

from agents.commands.cli import add_keywords, new_parser, read_keywords, run
from synthgym.checks import one_of, whole
from synthgym.registration import known_id

ALGORITHMS = ("PPO", "SAC", "A2C", "TD3", "DDPG")
KEPT = ("distance", "best_distance")


class Progress(BaseCallback):
    """Shows a progress bar."""

    def __init__(self, bar: tqdm[Any]) -> None:
        super().__init__()
        self._bar = bar

    def _on_step(self) -> bool:
        self._bar.update()
        return True


def train(env_id: str, algorithm: str, steps: int, seed: int, env_kwargs: dict[str, Any]) -> list[float]:
    """Train once; return the figures of the first fifth of its steps and those of the last."""
    env = Monitor(gym.make(env_id, **env_kwargs), info_keywords=KEPT)
    learner = getattr(stable_baselines3, algorithm)
    policy = "MultiInputPolicy" if isinstance(env.observation_space, gym.spaces.Dict) else "MlpPolicy"
    with tqdm(total=steps, unit=" steps", desc=f"{algorithm}, {env_id}, seed {seed}", leave=False) as bar:
        learner(policy, env, seed=seed, device="cpu").learn(steps, callback=Progress(bar))
    returns, lengths = np.array(env.get_episode_rewards()), np.array(env.get_episode_lengths())
    # Monitor's own file is not written; what an episode ended with is in its buffer of results.
    ends = np.cumsum(lengths)
    first, last = ends <= steps / 5, ends > steps * 4 / 5
    return [float(returns[part].mean()) for part in (first, last)]


def main() -> int:
    """Read the command line, train, and print the table."""
    parser = new_parser(__doc__)
    parser.add_argument(
        "--env", nargs="+", default=["FM-v0", "Dexed1Op-v0"], help="ids (default: %(default)s)"
    )
    parser.add_argument("--algorithm", default="PPO", help=f"{', '.join(ALGORITHMS)} (default: PPO)")
    parser.add_argument("--steps", type=int, default=50_000, help="of each training (default: 50000)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each id (default: 3)")
    add_keywords(parser, "--env-kwargs", "keywords of the environments")
    args = parser.parse_args()

    one_of("algorithm", args.algorithm, ALGORITHMS)
    steps, seeds = whole("steps", args.steps, 1000, 10**9), whole("seeds", args.seeds, 1, 100)
    env_ids, keywords = [known_id(name) for name in args.env], read_keywords(args.env_kwargs)
    print("| environment | seed | return, first fifth | last fifth |\n| --- | ---: | ---: | ---: |")
    for env_id in env_ids:
        for seed in range(seeds):
            before, after = train(env_id, args.algorithm, steps, seed, keywords)
            print(f"| {env_id} | {seed} | {before:.2f} | {after:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    run(main)
