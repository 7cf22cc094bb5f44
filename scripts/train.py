"""Train an agent on an environment.

    python scripts/train.py --env Dexed1Op-v0 --agent ppo --steps 1000000 --log-dir runs/first
    tensorboard --logdir runs

Ctrl-C or SIGTERM saves a checkpoint; the same command with --resume goes on from it.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from cli import known_id, read_keywords, run

from agents import AGENTS
from agents.runs import RunFolder
from agents.settings import RunSettings
from agents.training import train, trained_on


def main() -> int:
    """Read the command line, train, and say where everything is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", required=True, help="environment id, as Dexed1Op-v0")
    parser.add_argument("--agent", default="ppo", help=f"one of {', '.join(AGENTS)} (default: ppo)")
    parser.add_argument("--steps", type=int, help="environment steps in all (default: the agent's YAML)")
    parser.add_argument("--num-envs", type=int, help="environments side by side (default: the agent's YAML)")
    parser.add_argument("--seed", type=int, help="default: 0")
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

    env_id = known_id(args.env)
    env_kwargs = read_keywords(args.env_kwargs)
    settings = RunSettings.make(env_id, args.agent, args.seed or 0, args.steps, args.num_envs, env_kwargs)
    folder = RunFolder(args.log_dir or Path("runs") / f"{env_id}-{args.agent}-{settings.seed}")
    if args.resume:
        asked = {"steps": args.steps, "num_envs": args.num_envs, "seed": args.seed}
        folder.resume(env_id, args.agent, {**asked, "env_kwargs": env_kwargs or None})
        settings = RunSettings.read(folder.config)
    else:
        trained_on(env_id, settings.env_kwargs)  # what cannot be made fails before a folder is
        folder.begin(settings)
    print(f"{args.agent} on {env_id}: {settings.steps:,} steps, {settings.num_envs} environments")
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
