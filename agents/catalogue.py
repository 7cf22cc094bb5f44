"""Every agent that answers a trial, by name. ``a+b`` is a's guess, refined by b."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from agents.agent import Agent, Refined
from agents.baselines.constant import Constant
from agents.baselines.default import Default
from agents.baselines.nearest import Nearest
from agents.baselines.random import Random
from agents.baselines.silence import Silence
from agents.search.cma_es import CMAES
from agents.search.evolution import GA, NSGA3
from agents.search.hill_climber import HillClimber
from synthgym.checks import one_of
from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask


@dataclass(frozen=True)
class Sources:
    """What agents may be prepared from.

    Attributes:
        dataset: folder of a data set of the task.
    """

    dataset: Path | None = None


def _nearest(task: SoundMatchingTask, sources: Sources) -> Agent:
    if sources.dataset is None:
        raise SynthgymError("nearest looks up a data set: give --dataset (scripts/make_dataset.py makes one)")
    return Nearest.prepare(task, sources.dataset)


AGENTS: dict[str, Callable[[SoundMatchingTask, Sources], Agent]] = {
    "random": lambda task, sources: Random(),
    "constant": lambda task, sources: Constant.prepare(task),
    "silence": lambda task, sources: Silence(),
    "default": lambda task, sources: Default(),
    "nearest": _nearest,
    "hill_climber": lambda task, sources: HillClimber(),
    "ga": lambda task, sources: GA(),
    "nsga3": lambda task, sources: NSGA3(),
    "cma_es": lambda task, sources: CMAES(),
}


def prepare(name: str, task: SoundMatchingTask, sources: Sources | None = None) -> Agent:
    """Make an agent, or a hybrid of several, ready for trials of a task.

    Raises:
        SynthgymError: no such agent, or it lacks what it is made from.
    """
    parts = name.split("+")
    for part in parts:
        one_of("agent", part, AGENTS)
    return reduce(Refined, [AGENTS[part](task, sources or Sources()) for part in parts])
