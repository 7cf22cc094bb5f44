"""Agents on the same targets with the same budget: who gets how near, and what it cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from agents.agent import Agent, run
from agents.trial import Pool, Trial
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.files import replaced, unwritable
from synthgym.rendering import Listener
from synthgym.task import SoundMatchingTask

Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A sound to be matched.

    Attributes:
        name: of a test item, a preset or a file.
        features: (1, frames, bins) each.
    """

    name: str
    features: tuple[Features, ...]


@dataclass(frozen=True)
class _Job:
    name: str
    agent: Agent
    target: Target
    seed: int
    pool: Pool
    budgets: tuple[int, ...]


class Results:
    """The folder of an evaluation: its settings, and a line for every trial that is done.

    A line that was cut off when the evaluation was killed is dropped, and its trial made again.

    Raises:
        SynthgymError: the folder holds an evaluation with other settings, or cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self._log = path, path / "trials.jsonl"
        settings = json.loads(json.dumps(settings))
        config = path / "evaluation.json"
        try:
            path.mkdir(parents=True, exist_ok=True)
            if config.exists():
                kept = json.loads(config.read_text())
                for name in settings:
                    if kept.get(name) != settings[name]:
                        raise SynthgymError(
                            f"{path} is an evaluation with {name} {kept.get(name)}, not {settings[name]}; "
                            "ask for the same, or choose another folder"
                        )
            elif any(path.iterdir()):
                raise SynthgymError(f"{path} is not empty and no evaluation; choose another folder")
            else:
                with replaced(config) as temporary:
                    temporary.write_text(json.dumps(settings, indent=1))
            lines = self._log.read_bytes().splitlines(keepends=True) if self._log.exists() else []
            whole = [line for line in lines if line.endswith(b"\n")]
            if lines != whole:
                with replaced(self._log) as temporary:
                    temporary.write_bytes(b"".join(whole))
        except OSError as error:
            raise unwritable(path, error) from error
        except json.JSONDecodeError as error:
            raise SynthgymError(f"{config} is damaged; choose another folder") from error
        self.trials: list[Row] = [json.loads(line) for line in whole]

    def add(self, trial: Row) -> None:
        """Keep a trial."""
        try:
            with self._log.open("a") as log:
                log.write(json.dumps(trial) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.trials.append(trial)

    def rows(self) -> list[Row]:
        """Return a row for every (agent, target, seed, budget), in a fixed order."""
        rows = [
            {name: trial[name] for name in ("agent", "target", "seed")} | row
            for trial in self.trials
            for row in trial["rows"]
        ]
        return sorted(rows, key=lambda row: (row["agent"], row["target"], row["seed"], row["budget"]))


def evaluate(
    task: SoundMatchingTask,
    agents: Mapping[str, Agent],
    targets: Sequence[Target],
    seeds: int,
    budgets: Sequence[int],
    results: Results,
    *,
    progress: bool = True,
) -> None:
    """Let every agent play every target with every seed, but for what is done already."""
    done = {(trial["agent"], trial["target"], trial["seed"]) for trial in results.trials}
    wanted = [
        (name, target, seed)
        for name in agents
        for seed in range(seeds)
        for target in targets
        if (name, target.name, seed) not in done
    ]
    if not wanted:
        return
    pools = {seed: Pool.draw(task, seed, max(budgets)) for seed in sorted({seed for *_, seed in wanted})}

    def jobs() -> Iterator[_Job]:
        for name, target, seed in wanted:
            yield _Job(name, agents[name], target, seed, pools[seed], tuple(budgets))

    total = len(agents) * seeds * len(targets)
    with tqdm(
        total=total, initial=total - len(wanted), unit=" trials", desc="evaluating", disable=not progress
    ) as bar:
        for trial in task.renderer.map(_play, jobs()):
            results.add(trial)
            bar.set_postfix_str(trial["agent"], refresh=False)
            bar.update()


def _play(listener: Listener, job: _Job) -> Row:
    trial = Trial(listener, job.target.features, max(job.budgets), job.pool, _generator(job))
    run(job.agent, trial)
    return {
        "agent": job.name,
        "target": job.target.name,
        "seed": job.seed,
        "curve": [[best.render, best.distance] for best in trial.records],
        "rows": [_row(trial, job.agent, budget) for budget in job.budgets],
    }


def _generator(job: _Job) -> np.random.Generator:
    # The same for a trial whatever else is evaluated.
    digest = hashlib.sha256(f"{job.name}/{job.target.name}".encode()).digest()
    return np.random.default_rng([job.seed, int.from_bytes(digest[:8], "big")])


def _row(trial: Trial, agent: Agent, budget: int) -> Row:
    renders = min(budget, len(trial.distances))
    best = trial.best_of(renders)
    return {
        "budget": budget,
        "renders": renders,
        "offline_renders": agent.offline_renders + trial.offline[renders - 1],
        "distance": best.distance,
        # Silence is made by no parameters.
        "parameters": [] if best.unit is None else best.unit.tolist(),
    }


def check(task: SoundMatchingTask, targets: Sequence[Target], rows: Sequence[Row]) -> list[str]:
    """Render the parameters of rows again; return a line for each that is not at its distance."""
    by_name = {target.name: target.features[0] for target in targets}
    wrong = []
    sounds = [row for row in rows if len(row["parameters"])]
    for at in range(0, len(sounds), 64):
        part = sounds[at : at + 64]
        heard = task.hear(np.array([row["parameters"] for row in part], np.float32), count=False)
        aims = np.concatenate([by_name[row["target"]] for row in part])
        far = distance(heard.features[0], aims)
        for row, found in zip(part, far.tolist(), strict=True):
            if found != row["distance"]:
                wrong.append(
                    f"{row['agent']}, {row['target']}, seed {row['seed']}, budget {row['budget']}: "
                    f"{row['distance']} is written, {found} is heard"
                )
    return wrong
