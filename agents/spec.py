"""The grammar in which agents are named: ``a``, ``a@RUN``, and ``a@RUN+b`` for a hybrid."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from synthgym.checks import one_of


@dataclass(frozen=True)
class AgentPart:
    """One agent of a hybrid.

    Attributes:
        name: of the agent.
        run: the run folder, folder of run folders, or model file that it is prepared from; None: the
            default.
    """

    name: str
    run: Path | None = None

    def __str__(self) -> str:
        return self.name if self.run is None else f"{self.name}@{self.run}"


@dataclass(frozen=True)
class AgentSpec:
    """An agent, or a hybrid whose later agents refine the guess of those before.

    Attributes:
        parts: one or more.
    """

    parts: tuple[AgentPart, ...]

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> Self:
        """Read a text such as ``nearest+mlp@runs/first``.

        >>> spec = AgentSpec.parse("nearest+mlp@runs/a+b", ["nearest", "mlp"])
        >>> [(part.name, str(part.run)) for part in spec.parts]
        [('nearest', 'None'), ('mlp', 'runs/a+b')]

        A ``+`` begins another agent only where the name of a known one follows, alone or before an ``@``, so
        that the path of a run may hold one.

        Args:
            text: to read.
            known: names of agents.

        Raises:
            UnknownNameError: an agent that does not exist.
        """
        names = "|".join(map(re.escape, known))
        parts = []
        for part in re.split(rf"\+(?=(?:{names})(?:[@+]|$))", text):
            name, _, run = part.partition("@")
            for each in name.split("+"):
                one_of("agent", each, known)
            parts.append(AgentPart(name, Path(run) if run else None))
        return cls(tuple(parts))

    def with_model(self, model: Path) -> Self:
        """Return the spec with its first agent prepared from the file of a model."""
        first, *others = self.parts
        return replace(self, parts=(replace(first, run=model), *others))

    def __str__(self) -> str:
        return "+".join(map(str, self.parts))
