"""What an evaluation was asked for, and what of it is not done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from synthgym.checks import whole
from synthgym.errors import SynthgymError

from .log import Row

MOST_SEEDS = 1_000_000
"""So many trials of a target an agent is asked for, at most."""


@dataclass
class Asked:
    """What an evaluation was asked for so far.

    Attributes:
        targets: names of the targets, which every agent is to meet.
        seeds: how many trials of each target, by agent.
        models: digests of the models by which agents search with each seed, by agent; evaluations of older
            versions have none.
    """

    targets: list[str] = field(default_factory=list)
    seeds: dict[str, int] = field(default_factory=dict)
    models: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Any) -> Self:
        """Return what was kept; TypeError or ValueError if it is none."""
        asked = cls(**kept)
        if not isinstance(asked.targets, list) or not all(isinstance(name, str) for name in asked.targets):
            raise TypeError("its targets are no names")
        for agent, seeds in asked.seeds.items() if isinstance(asked.seeds, dict) else [("", None)]:
            whole(f"seeds of {agent}", seeds, 0, MOST_SEEDS)
        if not isinstance(asked.models, dict) or not all(isinstance(m, list) for m in asked.models.values()):
            raise TypeError("its models are no lists by agent")
        return asked

    def more(
        self, agents: Mapping[str, Sequence[str]], targets: Sequence[str], seeds: int, trials: Sequence[Row]
    ) -> None:
        """Ask for agents on targets, besides what was asked for before and the trials that are done.

        Args:
            agents: by name, of each a digest of its model with each seed, "" if it has none.
            targets: names of all targets, those from before among them.
            seeds: how many trials each agent is to have of each target; an agent that has more keeps them.
            trials: the rows that are done.

        Raises:
            SynthgymError: a target from before is not among them, or trials of an agent are of other models.
        """
        for agent, models in agents.items():
            done = {trial["seed"] for trial in trials if trial["agent"] == agent}
            kept = self.models.get(agent, [])
            if any(a != b for seed, (a, b) in enumerate(zip(kept, models, strict=False)) if seed in done):
                raise SynthgymError(f"trials of {agent} are of another model than now; choose another folder")
            self.models[agent] = [*models, *kept[len(models) :]]
        gone = {*self.targets, *(trial["target"] for trial in trials)} - {*targets}
        if gone:
            raise SynthgymError(f"target {min(gone)!r} is gone; put it back, or choose another folder")
        self.targets = list(targets)
        self.seeds |= {agent: max(seeds, self.seeds.get(agent, 0)) for agent in agents}

    def missing(self, trials: Iterable[Row]) -> dict[tuple[str, int], int]:
        """Return how many targets each agent has not met with each seed, by agent and seed.

        Folders from before this was kept do not say what was asked for: there, every agent is to meet what
        any has met.
        """
        met: dict[tuple[str, int], set[str]] = {
            (agent, seed): set() for agent, seeds in self.seeds.items() for seed in range(seeds)
        }
        for trial in trials:
            met.setdefault((trial["agent"], trial["seed"]), set()).add(trial["target"])
        expected = set(self.targets).union(*met.values())
        return {one: len(expected - targets) for one, targets in met.items()}

    def left_out(self, trials: Sequence[Row]) -> list[str]:
        """Return what is not done, as text: ``mlp with seeds 1, 2 (13 trials missing)``."""
        missing = {one: count for one, count in self.missing(trials).items() if count}
        texts = []
        for agent in sorted({agent for agent, _ in missing}):
            seeds = sorted(seed for name, seed in missing if name == agent)
            count = sum(missing[agent, seed] for seed in seeds)
            texts.append(
                f"{agent} with seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} "
                f"({count} trial{'s' * (count > 1)} missing)"
            )
        return texts
