"""The trials of an evaluation: agents on the same targets, with the same seeds and budgets of renders."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from synthgym.effects import audible as audible_parameters
from synthgym.rendering import Shared, Worker
from synthgym.task import SoundMatchingTask

from ..trials.agent import Agent, run
from ..trials.pool import Pool
from ..trials.trial import Best, Trial
from .log import Row
from .metrics import compare_at_notes, compare_parameters
from .results import Results
from .targets import Target


@dataclass(frozen=True)
class _Job:
    name: str
    agent: Shared[Agent]
    target: Target
    seed: int
    pool: Shared[Pool]
    budgets: tuple[int, ...]
    audible: NDArray[np.bool_]


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
    """Let every agent search for every target with every seed, but for what is done already.

    Trials are kept as they are done, also those that are done when it is interrupted.

    Args:
        task: renders.
        agents: by name.
        targets: to be searched for.
        seeds: trials of each target.
        budgets: of renders; a row is made for each.
        results: holds the trials that are done, and keeps the others.
        progress: whether to show a progress bar.

    Raises:
        SynthgymError: the results hold a target that is not among these, or cannot be written.
    """
    models = {name: [agent.model_with(seed) for seed in range(seeds)] for name, agent in agents.items()}
    results.ask(models, [target.name for target in targets], seeds)
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
    share = task.renderer.share
    patches = max(budgets) // task.notes_per_target
    pools = {seed: share(Pool.make(task, seed, patches)) for seed in sorted({seed for *_, seed in wanted})}
    shared = {name: share(agents[name]) for name in dict.fromkeys(name for name, *_ in wanted)}
    audible = np.ones(len(task.space), np.bool_)
    if any(target.unit is not None for target in targets):
        names = tqdm(task.space.names, unit=" parameters", desc="hearing", leave=False, disable=not progress)
        audible[:] = [heard for _, heard in zip(names, audible_parameters(task), strict=True)]

    def jobs() -> Iterator[_Job]:
        for name, target, seed in wanted:
            yield _Job(name, shared[name], target, seed, pools[seed], tuple(budgets), audible)

    total = len(agents) * seeds * len(targets)
    with tqdm(
        total=total, initial=total - len(wanted), unit=" trials", desc="evaluating", disable=not progress
    ) as bar:
        for trial in task.renderer.map(_run, jobs(), done=results.add):
            if trial["failures"]:
                warnings.warn(
                    f"{trial['agent']}, {trial['target']}: {trial['failures']} renders failed, the first: "
                    f"{trial['first_failure']}",
                    stacklevel=2,
                )
            bar.set_postfix_str(trial["agent"], refresh=False)
            bar.update()


def _run(worker: Worker, job: _Job) -> Row:
    budget = max(job.budgets)
    pool, played = job.pool.get(), job.target.played
    trial = Trial(worker, job.target.rendered, budget, pool, _generator(job), played, job.seed)
    run(job.agent.get(), trial)
    # The best is often the same at several budgets.
    bests = {best.render: best for best in map(trial.best_of, job.budgets)}
    metrics = {render: _metrics(worker, job, best) for render, best in bests.items()}
    return {
        "agent": job.name,
        "kind": job.target.kind,
        "target": job.target.name,
        "seed": job.seed,
        "failures": len(trial.failures),
        "first_failure": trial.failures[0] if trial.failures else None,
        "curve": [[best.render, best.distance] for best in trial.records],
        "rows": [
            _row(trial, budget) | _played(trial) | metrics[trial.best_of(budget).render]
            for budget in job.budgets
        ],
    }


def _generator(job: _Job) -> np.random.Generator:
    # The same for a trial whatever else is evaluated.
    digest = hashlib.sha256(f"{job.name}/{job.target.name}".encode()).digest()
    return np.random.default_rng([job.seed, int.from_bytes(digest[:8], "big")])


def _row(trial: Trial, budget: int) -> Row:
    patches = min(budget // trial.notes_per_target, len(trial.distances))
    renders = patches * trial.notes_per_target
    best = trial.best_of(renders)
    return {
        "budget": budget,
        "renders": renders,
        "offline_renders": trial.offline[patches - 1],
        "distance": best.distance,
        "last_distance": trial.distances[patches - 1],
        # Silence is made by no parameters.
        "parameters": [] if best.unit is None else best.unit.tolist(),
    }


def _played(trial: Trial) -> Row:
    """Return what the target is played at: numbers, or lists of those of its notes."""
    played = trial.notes[0]
    if played.ndim == 1:
        pitch, velocity, hold = played.tolist()
        return {"note": int(pitch), "velocity": int(velocity), "hold": hold}
    pitches, velocities = played[:, :2].astype(np.int64).T.tolist()
    return {"note": pitches, "velocity": velocities, "hold": played[:, 2].tolist()}


def _metrics(worker: Worker, job: _Job, best: Best) -> dict[str, float]:
    target, rate = job.target, worker.synth.sample_rate
    (aim,) = target.audio
    sound = np.zeros_like(aim)
    if best.unit is not None:
        audio = worker.render(best.unit[None], target.played[None], audio=True).audio
        assert audio is not None
        (sound,) = audio
    metrics = compare_at_notes(aim, sound, rate, target.played)
    if target.unit is not None and best.unit is not None:
        metrics |= compare_parameters(worker.space, target.unit, best.unit, job.audible)
    return metrics
