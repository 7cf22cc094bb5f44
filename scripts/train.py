"""Train an agent on an environment.

    python scripts/train.py --env Dexed1Op-v0 --agent ppo --steps 1000000 --log-dir runs/first
    tensorboard --logdir runs

Ctrl-C or SIGTERM saves a checkpoint; the same command with --resume goes on from it.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

import gymnasium as gym
from cli import read_keywords, run

import synthgym  # noqa: F401, registers the ids
from agents import AGENTS
from agents.runs import RunFolder
from agents.settings import RunSettings
from agents.training import train


def main() -> int:
    """Read the command line, train, and say where everything is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", required=True, help="environment id, as Dexed1Op-v0")
    parser.add_argument("--agent", default="ppo", help=f"one of {', '.join(AGENTS)} (default: ppo)")
    parser.add_argument("--steps", type=int, help="environment steps in all (default: the agent's YAML)")
    parser.add_argument("--num-envs", type=int, help="environments side by side (default: the agent's YAML)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--env-kwargs",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="keywords for gym.make, values in YAML, as plugin=/usr/lib/vst/amsynth_vst.so note=48",
    )
    parser.add_argument("--log-dir", type=Path, help="folder of the run (default: runs/ENV-AGENT-SEED)")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    args = parser.parse_args()

    gym.spec(args.env)  # an unknown id is an error here, before a folder is made
    env_kwargs = read_keywords(args.env_kwargs)
    settings = RunSettings.make(args.env, args.agent, args.seed, args.steps, args.num_envs, env_kwargs)
    gym.make(args.env, **settings.env_kwargs).close()  # and so is what it cannot be made with
    folder = RunFolder(args.log_dir or Path("runs") / f"{args.env}-{args.agent}-{args.seed}")
    if args.resume:
        folder.resume(settings)
    else:
        folder.begin(settings)
    print(f"{args.agent} on {args.env}: {settings.steps:,} steps, {settings.num_envs} environments")
    print(f"watch it: tensorboard --logdir {folder.path}", flush=True)
    caught = train(folder)
    if caught:
        print(
            f"\nstopped by {signal.Signals(caught).name}; saved {folder.newest()}; --resume goes on from it"
        )
        return 128 + caught
    print(f"model: {folder.final_model}")
    return 0


if __name__ == "__main__":
    run(main)
