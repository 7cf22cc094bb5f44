"""Let an agent make a synthesiser sound like a recording.

    python scripts/match.py marimba.wav
    python scripts/match.py marimba.wav --env Dexed1Op-v0 --model runs/first/final_model.zip --out OUT
    python scripts/match.py marimba.wav --env FM-v0 --agent cma_es --budget 5000 --out OUT

Ctrl-C ends it with the best so far. Writes target.wav, match.wav, the preset, match.json and a page of all
of it, match.html, to OUT.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from cli import add_keywords, known_id, new_parser, read_keywords, run

from agents.agent import run as play
from agents.catalogue import AGENTS, Sources, prepare
from agents.learners import LEARNERS, learner
from agents.pages.match import write_match
from agents.signals import Signals
from agents.trial import MOST_STARTS, Best, Pool, Trial
from agents.watched import WatchedTrial
from synthgym.checks import one_of, whole
from synthgym.envs import make_task
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.recordings import read_recording, write_wav


def main() -> int:
    """Read the command line, match, write the files and print the table."""
    parser = new_parser(__doc__)
    parser.add_argument("target", type=Path, help="WAV, FLAC, OGG or AIFF of any rate and channel count")
    parser.add_argument(
        "--env", default="Dexed6Op-v0", help="environment id (default: Dexed6Op-v0, a whole DX7 voice)"
    )
    parser.add_argument(
        "--agent",
        help=f"of {', '.join(AGENTS)}; a+b: a's guess, refined by b "
        "(default: hill_climber; with --model ppo, with --dataset nearest+hill_climber)",
    )
    parser.add_argument("--model", type=Path, help="final_model.zip of a run, for an agent that is trained")
    parser.add_argument("--dataset", type=Path, help="data set, for nearest")
    add_keywords(parser, "--env-kwargs", "as in train.py (default: those that the model was trained with)")
    parser.add_argument("--budget", type=int, help="renders to spend (default: 2000; with --model 50)")
    parser.add_argument("--seed", type=int, default=0, help="of starts and sampled actions (default: 0)")
    parser.add_argument("--out", type=Path, help="folder for the results (default: matches/TARGET-ENV)")
    args = parser.parse_args()

    env_id = known_id(args.env)
    if args.model is None:
        usual, renders = "hill_climber" if args.dataset is None else "nearest+hill_climber", 2000
    else:
        usual, renders = "ppo", 50
    agent_name = args.agent or usual
    budget = whole("budget", renders if args.budget is None else args.budget, 1, 10**9)
    whole("seed", args.seed, 0, 2**32 - 1)
    env_kwargs = read_keywords(args.env_kwargs) or trained_with(agent_name, args.model, env_id)
    task = make_task(env_id, env_kwargs, rendering="auto")
    name = agent_name if args.model is None else with_model(agent_name, args.model)
    synth = task.synth
    target = read_recording(args.target, synth.sample_rate, synth.samples)
    agent = prepare(name, task, Sources(env=env_id, dataset=args.dataset))
    out = args.out or Path("matches") / f"{args.target.stem}-{env_id}"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthgymError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    pool = Pool.draw(task, args.seed, min(budget, MOST_STARTS))
    rng = np.random.default_rng(args.seed)
    heard = task.listen(target[None])
    with (
        Signals() as signals,
        closing(WatchedTrial(task, heard, budget, pool, rng, signals=signals)) as trial,
    ):
        play(agent, trial)
    best = trial.best
    if best is None and signals.caught is not None:
        raise KeyboardInterrupt
    if best is None or best.unit is None:
        raise SynthgymError(f"{name} found no sound; choose another --agent")

    native = task.space.to_native(best.unit)
    (match,) = synth.render(native[None])
    parameters = task.space.describe(native)
    # match.json is a preset too, for synths that have no format of their own.
    preset = out / f"match{synth.preset_suffix}"
    result: dict[str, Any] = {
        "target": str(args.target),
        "env": env_id,
        "env_kwargs": env_kwargs,
        "agent": name,
        "seed": args.seed,
        "budget": budget,
        "offline_renders": trial.offline[-1],
        "start_distance": trial.distances[0],
        "best_distance": best.distance,
        "history": trial.distances,
        "parameters": parameters,
    }
    try:
        write_wav(out / "target.wav", target, synth.sample_rate)
        write_wav(out / "match.wav", match, synth.sample_rate)
        if preset.suffix != ".json":
            synth.save_preset(native, preset)
        with replaced(out / "match.json") as temporary:
            temporary.write_text(json.dumps(result, indent=1))
        title = f"{args.target.name} by {env_id}, {agent_name}"
        write_match(out / "match.html", task, target, match, trial, best, native, preset, title)
    except OSError as error:
        raise SynthgymError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    finally:
        task.close()
    print_table(trial, best, parameters)
    print(f"page:   {out / 'match.html'}")
    print(f"audio:  {out / 'match.wav'} (target: {out / 'target.wav'})")
    print(f"preset: {preset}")
    print(f"all:    {out / 'match.json'}")
    return 0


def with_model(name: str, model: Path) -> str:
    """Return an agent's name with the model that the one that is trained plays by."""
    first, *others = name.split("+")
    one_of("agent with a model", first, LEARNERS)
    return "+".join([f"{first}@{model}", *others])


def trained_with(name: str, model: Path | None, env_id: str) -> dict[str, Any]:
    """Return the keywords of the environment that a model was trained on."""
    if model is None:
        return {}
    agent = name.partition("+")[0]
    how = learner(agent)
    origin = how.origin(agent, model)
    if origin.env != how.played(agent, env_id):
        raise SynthgymError(f"{model} was trained on {origin.env}, not {env_id}; pass --env {origin.env}")
    return origin.env_kwargs


def print_table(trial: Trial, best: Best, parameters: list[dict[str, Any]]) -> None:
    """Print the distances and the free parameters."""
    free = [p for p in parameters if p["free"]]
    width = max(len(p["name"]) for p in free)
    for p in free:
        print(f"{p['name']:<{width}}  {p['text']:>8}")
    print(
        f"distance: {trial.distances[0]:.3f} at the start, "
        f"{best.distance:.3f} at best, after {len(trial.distances)} renders"
    )


if __name__ == "__main__":
    run(main)
