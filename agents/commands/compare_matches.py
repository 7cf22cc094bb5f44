"""Match recordings as match.py does by default, and by other agents with as many renders; print a table.

    python scripts/compare_matches.py examples/targets/*.wav --seconds 60 --out results/matches

Stopped at any moment, the same command goes on with the next recording. Each recording's folder holds what
match.py would write, and others.json.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from synthgym.checks import number, one_of, whole
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.registration import known_id
from synthgym.settings import check_same_settings
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..catalogue import AGENTS, LOOKUPS, parse, prepare
from ..evaluation.metrics import compare_sounds
from ..matching.folder import check_inputs
from ..matching.recording import Recording
from ..matching.search import Search
from ..matching.usual import UNLEARNED, ready, usual_search
from ..matching.writing import write
from ..training.learners import LEARNERS
from ..trials.agent import run
from ..trials.pool import DrawnPool
from ..trials.trial import Trial
from .cli import new_parser, writing_to

MEASURES = {
    "distance": "distance",
    "pitch": "pitch error",
    "log_spectral": "spectra, dB",
    "mss": "MSS",
    "in_tune": "in tune",
}
THREE_DIGITS = ("distance", "in_tune")


def main() -> int:
    """Read the command line, match each recording by each agent, and print the table."""
    parser = new_parser(__doc__)
    parser.add_argument("targets", type=Path, nargs="+", metavar="TARGET", help="recordings")
    parser.add_argument("--env", default="Dexed6Op-v0", help="environment id (default: Dexed6Op-v0)")
    parser.add_argument("--seconds", type=float, default=60, help="of the default search (default: 60)")
    parser.add_argument("--budget", type=int, help="renders of each search, however long they take")
    parser.add_argument("--seed", type=int, default=0, help="of the searches (default: 0)")
    parser.add_argument("--agent", help="that searches in place of the default one, from the same starts")
    parser.add_argument("--others", default="random,cma_es", help="agents, or none (default: random,cma_es)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    args = parser.parse_args()

    others = [] if args.others == "none" else args.others.split(",")
    plain = [name for name in AGENTS if name not in (*LEARNERS, *LOOKUPS, "pretrained")]
    for name in others:
        one_of("agent that needs no model and no data set", str(parse(name)), plain)
    stems = [path.stem for path in args.targets]
    check_inputs([[path] for path in args.targets], [args.out / stem for stem in stems])
    if len(set(stems)) < len(stems):
        raise SynthgymError("two recordings have the same name; rename one")
    recordings = [Recording.read(path) for path in args.targets]
    env_id = known_id(args.env)
    seed = whole("seed", args.seed, 0, 2**31)
    if args.budget is None:
        search = usual_search(env_id, seconds=number("seconds", args.seconds, 0.1, 1e6), seed=seed)
    else:
        search = usual_search(env_id, budget=whole("budget", args.budget, 1, 10**9), seed=seed)
    if args.agent is not None:
        one_of("agent that needs no model and no data set", str(parse(args.agent)), [*plain, "pretrained"])
        search = replace(search, agent=parse(args.agent))
    search = replace(search, instead=None)  # the table is of the agent that it names
    asked = {
        "env": env_id,
        "agent": str(search.agent),
        "seconds": search.seconds,
        "budget": args.budget,
        "seed": search.seed,
        "others": others,
    }
    rows = []
    with writing_to(args.out):
        for recording in tqdm(recordings, unit=" recordings", desc="comparing"):
            out = args.out / recording.path.stem
            kept = out / "others.json"
            if not kept.exists():
                compared = {**asked, **compare(recording, env_id, search, others, out)}
                with replaced(kept) as temporary:
                    temporary.write_text(json.dumps(compared, indent=1), encoding="utf-8")
            rows.append(read_comparison(kept, asked))
    print_table(rows)
    return 0


def compare(
    recording: Recording, env_id: str, search: Search, others: list[str], out: Path
) -> dict[str, Any]:
    """Match a recording by the default search, write that, and by others; return what each measures.

    Args:
        recording: to be matched.
        env_id: id of the environment.
        search: the default one.
        others: agents that search with as many renders.
        out: folder of the match.

    Returns:
        What is kept in others.json, the measures of each agent in ``agents``.
    """
    keywords, _ = recording.env_kwargs({}, None)
    with closing(make_task(env_id, keywords, rendering="auto")) as task:
        target = recording.target(task.synth.sample_rate, task.synth.samples)
        search, agent, remarks = ready(search, task)
        for remark in remarks:
            tqdm.write(f"{recording.path}: {remark}", file=sys.stderr)
        trial = search.run(task, target, agent)
        if trial.signals.caught is not None:
            raise KeyboardInterrupt
        about = search.about(recording.path, env_id, keywords)
        write(out, task, target, trial, trial.answers.best, about, f"{recording.path.name} by {env_id}")
        renders = len(trial.distances)
        measured = {"match.py": measure(task, target, trial)}
        pool = DrawnPool(task, search.seed, renders)
        for name in others:
            rng = np.random.default_rng(search.seed)
            other = run(prepare(name, task), Trial(task, task.extract(target[None]), renders, pool, rng))
            measured[name] = measure(task, target, other)
    return {"target": recording.path.name, "note": keywords["note"], "renders": renders, "agents": measured}


def read_comparison(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Read what was kept of a comparison; SynthgymError if it is damaged, or was asked for otherwise.

    Args:
        path: of its JSON file.
        asked: what is asked for now, by name.

    Returns:
        What ``compare`` returned.
    """
    try:
        # What was kept before all of it could be asked for was of these.
        before: dict[str, Any] = {"budget": None, "seed": 0, "agent": UNLEARNED}
        kept: dict[str, Any] = before | json.loads(path.read_text(encoding="utf-8"))
        was = {name: kept[name] for name in asked}
        table_row(kept, columns_of(kept))
    except (ValueError, KeyError, TypeError) as error:
        raise SynthgymError(f"{path} is damaged; remove it to compare its recording again") from error
    check_same_settings(f"{path} is a comparison", was, asked, "choose another --out")
    return kept


def measure(task: SoundMatchingTask, target: Audio, trial: Trial) -> dict[str, float | None]:
    """Return how near the best of a trial is; None for a measure that it has none of, as of pitch.

    Args:
        task: renders.
        target: the clip (samples,).
        trial: that has ended.

    Returns:
        The distance and the METRICS, by name.
    """
    if trial.best is None or trial.best.unit is None or not trial.has_sound:
        raise SynthgymError("an agent found no sound; choose other --others")
    sounds = task.render(trial.best.unit[None], audio=True).audio
    assert sounds is not None
    measures = compare_sounds(target, sounds[0], task.synth.sample_rate, float(trial.notes[0, 0]))
    finite = {name: value if np.isfinite(value) else None for name, value in measures.items()}
    return {"distance": trial.best.distance, **finite}


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print a Markdown table of the MEASURES by agent."""
    columns = columns_of(rows[0])
    print("| target | note | renders | " + " | ".join(f"{MEASURES[m]}: {a}" for a, m in columns) + " |")
    print("| --- |" + " ---: |" * (len(columns) + 2))
    for row in rows:
        print(table_row(row, columns))
    if len(rows) > 1:
        means = [
            text_of(measure, mean([r["agents"][agent][measure] for r in rows])) for agent, measure in columns
        ]
        print("| mean | | | " + " | ".join(means) + " |")


def mean(values: list[float | None]) -> float | None:
    """Return the mean of those that there are."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def columns_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the agent and the measure of each column, the agents being those of a comparison."""
    return [(agent, measure) for measure in MEASURES for agent in row["agents"]]


def table_row(row: dict[str, Any], columns: list[tuple[str, str]]) -> str:
    """Return the row of a comparison in the table.

    Args:
        row: what ``compare`` returned.
        columns: pairs of an agent and a measure.

    Returns:
        A line of Markdown.
    """
    values = [text_of(measure, row["agents"][agent][measure]) for agent, measure in columns]
    return f"| {row['target']} | {row['note']} | {row['renders']:,} | " + " | ".join(values) + " |"


def text_of(measure: str, value: float | None) -> str:
    """Return a measure as the table shows it.

    Args:
        measure: its name.
        value: None or not finite where there is none.

    Returns:
        The number, or a dash.
    """
    if value is None or not np.isfinite(value):
        return "-"
    return f"{value:.{3 if measure in THREE_DIGITS else 1}f}"
