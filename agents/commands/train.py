"""Train an agent on an environment.

    python scripts/train.py --env Dexed1Op-v0 --agent ppo --steps 1000000 --log-dir runs/first
    python scripts/train.py --env Dexed1Op-v0 --agent mlp --dataset data/dexed
    python scripts/train.py --env Dexed1Op-v0 --agent mlp
    python scripts/train.py --env FM-v0 --agent ppo --start-from mlp@runs/FM-v0-mlp-0
    python scripts/train.py --env FM-v0 --agent ppo --seeds 0,1,2 --workers 2
    python scripts/train.py --env FM-v0 --agent ppo --sweep 30 --steps 100000 --backend ray
    tensorboard --logdir runs

Ctrl-C or SIGTERM saves a checkpoint; the same command with --resume goes on from it, that of several
trainings without.
"""

from __future__ import annotations

import argparse
import shlex
import signal
from pathlib import Path

from synthgym.files import unwritable

from ..training.learners import LEARNERS, learner, make_config
from ..training.old_names import current_hyperparameters
from ..training.run_config import RunConfig
from ..training.run_folder import RunFolder, run_name
from .cli import (
    ENV_KWARGS,
    SYNTH,
    add_keywords,
    add_workers,
    answer,
    new_parser,
    read_keywords,
    synth_id,
    whole_hyperparameters,
)
from .several import is_several, train_several


def _whole(agent: str) -> str:
    """Return an agent and its run, as mlp@RUN, with the whole path of the run."""
    name, _, run = agent.partition("@")
    return f"{name}@{Path(run).resolve()}" if run else agent


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "where the model is")
    what = parser.add_argument_group("what is learned")
    what.add_argument("--env", required=True, help=SYNTH)
    add_keywords(what, "--env-kwargs", ENV_KWARGS)
    what.add_argument(
        "--agent",
        "--algo",
        default="ppo",
        metavar="AGENT",
        help=f"one of {', '.join(LEARNERS)} (default: ppo)",
    )
    add_keywords(
        what,
        "--hyperparameters",
        "instead of those of the agent's YAML, values in YAML, as learning_rate=0.001 loss=feature",
        "--hyperparams",
    )
    what.add_argument(
        "--dataset",
        type=Path,
        help="that mlp, lstm and ppo_imitation learn from; without one, "
        "examples are rendered meanwhile, none of them twice",
    )
    what.add_argument(
        "--start-from",
        metavar="AGENT@RUN",
        help="mlp, lstm or ppo_imitation as trained before, mlp@runs/FM-v0-mlp-0: the episodes of ppo, sac "
        "and the like start at its guesses",
    )
    how = parser.add_argument_group("how long and where")
    how.add_argument(
        "-n",
        "--n-timesteps",
        "--steps",
        dest="steps",
        type=int,
        metavar="N",
        help="in all: steps of the environments, of which ppo ends with a whole batch; of mlp, lstm and "
        "ppo_imitation mini-batches, the last of them rollouts, as many as their hyperparameter says; of "
        "guided mini-batches, then climbs (default: as in the YAML)",
    )
    how.add_argument(
        "--num-envs",
        "--n-envs",
        type=int,
        metavar="N",
        help="environments side by side (default: the agent's YAML)",
    )
    how.add_argument("--seed", type=int, help="of all that is random (default: 0)")
    how.add_argument("--log-dir", type=Path, help="folder of the run (default: runs/ENV-AGENT-SEED)")
    how.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    several = parser.add_argument_group("several trainings, compared by validation targets")
    several.add_argument("--seeds", help="one training for each, as 0,1,2")
    several.add_argument(
        "--sweep", type=int, metavar="N", help="so many trials of hyperparameters, looked for by Optuna"
    )
    add_keywords(
        several,
        "--space",
        "where, instead of agents/hyperparameters/spaces.yml, as batch_size=[64,256] "
        "'learning_rate={low: 1.0e-5, high: 0.01, log: true}'",
    )
    add_workers(
        several,
        "processes (default) or ray",
        "processes",
        "trainings side by side (default: 1; ray: one for each core)",
    )
    return parser


def evaluation(args: argparse.Namespace, folder: RunFolder) -> list[str]:
    """Return the command that compares what a run has learned with random patches.

    Args:
        args: the command line of the training.
        folder: of the run.

    Returns:
        The words of the command.
    """
    keywords = ["--env-kwargs", *args.env_kwargs] if args.env_kwargs else []
    agents = f"random,{args.agent}@{folder.path}"
    renders = read_keywords(args.env_kwargs).get("notes_per_target", 1)
    budgets = [str(patches * renders) for patches in (1, 10, 50)]
    out = Path("results") / folder.path.name
    known = ["--agents", agents, "--targets", "test:20", "--budgets", ",".join(budgets), "--out", str(out)]
    return ["synthgym", "evaluate", "--env", args.env, *keywords, *known]


def main() -> int:
    """Read the command line, train, and say where everything is."""
    args = parser().parse_args()

    env_id, env_kwargs = synth_id(args.env, read_keywords(args.env_kwargs))
    asked = {
        "steps": args.steps,
        "num_envs": args.num_envs,
        "seed": args.seed,
        "env_kwargs": env_kwargs or None,
        "hyperparameters": whole_hyperparameters(read_keywords(args.hyperparameters)) or None,
        "dataset": None if args.dataset is None else str(args.dataset.resolve()),
        "start_from": None if args.start_from is None else _whole(args.start_from),
    }
    if is_several(args):
        return train_several(args, env_id, asked)
    config = make_config(env_id, args.agent, **{**asked, "seed": args.seed or 0})
    folder = RunFolder(args.log_dir or Path("runs") / run_name(env_id, args.agent, config.seed))
    if args.resume:
        if asked["hyperparameters"] is not None:
            names = current_hyperparameters(asked["hyperparameters"])
            asked["hyperparameters"] = {name: config.hyperparameters[name] for name in names}
        folder.resume({**asked, "env": config.env, "agent": args.agent})
        config = RunConfig.read(folder.config)
    else:
        learner(args.agent).check(config)  # what cannot be made fails before a folder is
        folder.begin(config)
    print(f"{args.agent} on {config.env}: {config.steps:,} steps")
    if folder.done() >= config.steps:
        print("all of them are done; to learn more, say a greater total by --steps N")
    print(f"watch it: tensorboard --logdir {folder.path}", flush=True)
    try:
        caught = learner(args.agent).train(folder)
    except OSError as error:
        raise unwritable(folder.path, error) from error
    if caught:
        print(
            f"\nstopped by {signal.Signals(caught).name}; saved {folder.newest()}; --resume goes on from it"
        )
        answer({"folder": folder.path, "stopped": True, "checkpoint": folder.newest(), "model": None})
        return 128 + caught
    if folder.done() < config.steps:
        print(f"it has ended by itself, after {folder.done():,} of {config.steps:,} steps")
    print(f"model: {folder.final_model}")
    print(f"how near does it come? {shlex.join(evaluation(args, folder))}")
    answer({"folder": folder.path, "stopped": False, "checkpoint": None, "model": folder.final_model})
    return 0
