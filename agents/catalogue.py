"""Every agent, by name; ``a+b`` is a's guess, refined by b."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path

from synthgym.checks import one_of
from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask

from .baselines.composed import Composed
from .baselines.constant import Constant
from .baselines.default import Default
from .baselines.levelled import Levelled
from .baselines.nearest import Nearest
from .baselines.random import Random
from .baselines.shuffled_target import ShuffledTarget
from .baselines.silence import Silence
from .search.cma_es import CMAES
from .search.evolution import GA, NSGA3
from .search.halving import Halving
from .search.hill_climber import HillClimber
from .spec import AgentPart, AgentSpec
from .training.learners import LEARNERS, learner, prepare_run
from .training.run_folder import RunFolder, run_name, trained_models
from .training.shipped import SHIPPED, SUFFIX, shipped_model
from .trials.agent import Agent, Refined


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What agents may be prepared from.

    Attributes:
        env: id of the environment whose task they are to search.
        dataset: folder of a data set of the task.
        runs: folder of the runs of ``synthgym train``; an agent that was trained for the environment with
            several seeds is prepared from all of them.
    """

    env: str = ""
    dataset: Path | None = None
    runs: Path = Path("runs")


LOOKUPS = {"nearest": Nearest, "levelled": Levelled, "composed": Composed}
"""Agents that look up a data set."""


def _lookup(name: str, task: SoundMatchingTask, sources: Sources) -> Agent:
    if sources.dataset is None:
        raise SynthgymError(f"{name} looks up a data set: give --dataset (synthgym dataset makes one)")
    return LOOKUPS[name].prepare(task, sources.dataset)


def _trained(name: str, task: SoundMatchingTask, sources: Sources) -> Agent:
    models = trained_models(sources.runs, sources.env, name)
    if not models:
        wanted = sources.runs / run_name(sources.env, name, 0)
        raise SynthgymError(f"no run in {wanted}: train {name} by synthgym train, or give {name}@RUN")
    return learner(name).prepare(name, task, [model.resolve() for model in models.values()])


def _pretrained(task: SoundMatchingTask, sources: Sources) -> Agent:
    from .guided import prepare_shipped  # PyTorch takes seconds to import

    model = shipped_model(sources.env)
    if model is None:
        known = ", ".join(sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}")))
        raise SynthgymError(f"no model of {sources.env} comes with synthgym, but of {known}; train guided")
    return prepare_shipped(task, model)


AGENTS: dict[str, Callable[[SoundMatchingTask, Sources], Agent]] = {
    "random": lambda task, sources: Random(),
    "constant": lambda task, sources: Constant.prepare(task),
    "silence": lambda task, sources: Silence(),
    "default": lambda task, sources: Default(),
    "shuffled_target": lambda task, sources: ShuffledTarget(),
    **{name: partial(_lookup, name) for name in LOOKUPS},
    "hill_climber": lambda task, sources: HillClimber(),
    "halving": lambda task, sources: Halving(),
    "ga": lambda task, sources: GA(),
    "nsga3": lambda task, sources: NSGA3(),
    "cma_es": lambda task, sources: CMAES(),
    "pretrained": _pretrained,
    **{name: partial(_trained, name) for name in LEARNERS},
}


def parse(text: str) -> AgentSpec:
    """Return the spec of an agent's name; UnknownNameError if it names one that does not exist."""
    spec = AgentSpec.parse(text, AGENTS)
    for part in spec.parts:
        if part.run is not None:
            one_of("agent that is trained", part.name, LEARNERS)
    return spec


def prepare(spec: AgentSpec | str, task: SoundMatchingTask, sources: Sources | None = None) -> Agent:
    """Make an agent, or a hybrid of several, ready for trials of a task.

    Args:
        spec: as ``cma_es`` or ``nearest+cma_es``; ``ppo@PATH`` is prepared from the run in that folder, or
            from the runs in that folder, or from the model in that file.
        task: that it is to search.
        sources: what it may be prepared from.

    Returns:
        The agent; each part of a hybrid goes on from what those before it found.

    Raises:
        SynthgymError: no such agent, or it lacks what it is prepared from.
    """
    if isinstance(spec, str):
        spec = parse(spec)
    return reduce(Refined, [_prepare(part, task, sources or Sources()) for part in spec.parts])


def _prepare(part: AgentPart, task: SoundMatchingTask, sources: Sources) -> Agent:
    path = part.run
    if path is None:
        return AGENTS[part.name](task, sources)
    if path.is_dir() and not RunFolder(path).config.exists():
        return AGENTS[part.name](task, replace(sources, runs=path))
    return prepare_run(part.name, path, task)
