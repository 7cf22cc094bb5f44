"""Match recordings as match.py does by default, and by other agents with as many renders; print a table.

    python scripts/compare_matches.py examples/targets/*.wav --seconds 60 --out results/matches

Stopped at any moment, the same command goes on with the next recording. Each recording's folder holds what
match.py would write, and others.json.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from synthgym.checks import number, one_of
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..catalogue import AGENTS, prepare
from ..evaluation.metrics import compare_sounds
from ..matching.recording import Recording
from ..matching.search import Search
from ..matching.writing import write
from ..trials.agent import run
from ..trials.pool import Pool
from ..trials.trial import Trial
from .cli import known_id, new_parser, writing_to

MEASURES = {"distance": "distance", "pitch": "pitch error", "log_spectral": "spectra, dB"}


def main() -> int:
    """Read the command line, match each recording by each agent, and print the table."""
    parser = new_parser(__doc__)
    parser.add_argument("targets", type=Path, nargs="+", metavar="TARGET", help="recordings")
    parser.add_argument("--env", default="Dexed6Op-v0", help="environment id (default: Dexed6Op-v0)")
    parser.add_argument("--seconds", type=float, default=60, help="of the default search (default: 60)")
    parser.add_argument("--others", default="random,cma_es", help="agents (default: random,cma_es)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    args = parser.parse_args()

    others = args.others.split(",")
    for name in others:
        one_of("agent that needs nothing", name, AGENTS)
    stems = [path.stem for path in args.targets]
    if len(set(stems)) < len(stems):
        raise SynthgymError("two recordings have the same name; rename one")
    recordings = [Recording.read(path) for path in args.targets]
    env_id = known_id(args.env)
    search = Search(seconds=number("seconds", args.seconds, 0.1, 1e6), voices=env_id)
    asked = {"env": env_id, "seconds": search.seconds, "others": others}
    rows = []
    with writing_to(args.out):
        for recording in tqdm(recordings, unit=" recordings", desc="comparing"):
            out = args.out / recording.path.stem
            kept = out / "others.json"
            if not kept.exists():
                compared = {**asked, **compare(recording, env_id, search, others, out)}
                with replaced(kept) as temporary:
                    temporary.write_text(json.dumps(compared, indent=1))
            rows.append(json.loads(kept.read_text()))
            if {name: rows[-1][name] for name in asked} != asked:
                raise SynthgymError(f"{kept} is of another comparison; choose another --out")
    print_table(rows)
    return 0


def compare(
    recording: Recording, env_id: str, search: Search, others: list[str], out: Path
) -> dict[str, Any]:
    """Match a recording by the default search, write that, and by others; return what each measures."""
    keywords, _ = recording.played({}, None)
    with closing(make_task(env_id, keywords, rendering="auto")) as task:
        target = recording.target(task.synth.sample_rate, task.synth.samples)
        trial = search.run(task, target, search.prepare(task))
        if trial.signals.caught is not None:
            raise KeyboardInterrupt
        about = search.about(recording.path, env_id, keywords)
        write(out, task, target, trial, trial.answers.best, about, f"{recording.path.name} by {env_id}")
        renders = len(trial.distances)
        measured = {"match.py": measure(task, target, trial)}
        pool = Pool.make(task, 0, renders)
        for name in others:
            agent, rng = prepare(name, task), np.random.default_rng(0)
            other = run(agent, Trial(task, task.extract(target[None]), renders, pool, rng))
            measured[name] = measure(task, target, other)
    return {"target": recording.path.name, "note": keywords["note"], "renders": renders, "agents": measured}


def measure(task: SoundMatchingTask, target: Audio, trial: Trial) -> dict[str, float]:
    """Return how near the best of a trial is."""
    if trial.best is None or trial.best.unit is None:
        raise SynthgymError("an agent found no sound; choose other --others")
    (sound,) = task.synth.render(task.space.to_native(trial.best.unit)[None])
    return {"distance": trial.best.distance, **compare_sounds(target, sound, task.synth.sample_rate)}


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print a Markdown table of the MEASURES by agent."""
    agents = list(rows[0]["agents"])
    columns = [(agent, measure) for measure in MEASURES for agent in agents]
    print("| target | note | renders | " + " | ".join(f"{MEASURES[m]}: {a}" for a, m in columns) + " |")
    print("| --- |" + " ---: |" * (len(columns) + 2))
    for row in rows:
        values = [
            f"{row['agents'][agent][measure]:.{3 if measure == 'distance' else 1}f}"
            for agent, measure in columns
        ]
        print(f"| {row['target']} | {row['note']} | {row['renders']:,} | " + " | ".join(values) + " |")
