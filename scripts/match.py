"""Let a trained agent make a synthesiser sound like a recording.

    python scripts/match.py marimba.wav --env Dexed1Op-v0 --model runs/first/final_model.zip --out OUT

Writes target.wav, match.wav, the preset and match.json to OUT.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli import known_id, run

from agents import AGENTS
from agents.policy import Match, load_policy, match
from synthgym.checks import whole
from synthgym.envs import SynthEnv
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.recordings import read_recording, write_wav


def main() -> int:
    """Read the command line, match, write the files and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path, help="WAV, FLAC, OGG or AIFF of any rate and channel count")
    parser.add_argument("--env", required=True, help="environment id, as Dexed1Op-v0")
    parser.add_argument("--agent", default="ppo", help=f"one of {', '.join(AGENTS)} (default: ppo)")
    parser.add_argument("--model", type=Path, required=True, help="final_model.zip of a run")
    parser.add_argument("--budget", type=int, default=50, help="renders to spend (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of starts and sampled actions (default: 0)")
    parser.add_argument("--out", type=Path, help="folder for the results (default: matches/TARGET-ENV)")
    args = parser.parse_args()

    env_id = known_id(args.env)
    whole("budget", args.budget, 1, 10**9)
    whole("seed", args.seed, 0, 2**32 - 1)
    model, env = load_policy(args.agent, args.model, env_id)
    synth_env = env.unwrapped
    assert isinstance(synth_env, SynthEnv)
    synth = synth_env.task.synth
    target = read_recording(args.target, synth.sample_rate, synth.samples)
    out = args.out or Path("matches") / f"{args.target.stem}-{env_id}"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthgymError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    found = match(model, env, target, args.budget, args.seed)

    native = synth_env.task.space.to_native(found.parameters)
    parameters = synth_env.task.space.describe(native)
    # match.json is a preset too, for synths that have no format of their own.
    preset = out / f"match{synth.preset_suffix}"
    result: dict[str, Any] = {
        "target": str(args.target),
        "env": env_id,
        "agent": args.agent,
        "model": str(args.model),
        "seed": args.seed,
        "budget": args.budget,
        "offline_renders": found.offline_renders,
        "start_distance": found.history[0],
        "best_distance": found.distance,
        "history": found.history,
        "parameters": parameters,
    }
    try:
        write_wav(out / "target.wav", target, synth.sample_rate)
        write_wav(out / "match.wav", found.audio, synth.sample_rate)
        if preset.suffix != ".json":
            synth.save_preset(native, preset)
        with replaced(out / "match.json") as temporary:
            temporary.write_text(json.dumps(result, indent=1))
    except OSError as error:
        raise SynthgymError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    print_table(found, parameters)
    print(f"audio:  {out / 'match.wav'} (target: {out / 'target.wav'})")
    print(f"preset: {preset}")
    print(f"all:    {out / 'match.json'}")
    return 0


def print_table(found: Match, parameters: list[dict[str, Any]]) -> None:
    """Print the distances and the free parameters."""
    free = [p for p in parameters if p["free"]]
    width = max(len(p["name"]) for p in free)
    for p in free:
        print(f"{p['name']:<{width}}  {p['text']:>8}")
    print(
        f"distance: {found.history[0]:.3f} at the start, "
        f"{found.distance:.3f} at best, after {len(found.history)} renders"
    )


if __name__ == "__main__":
    run(main)
