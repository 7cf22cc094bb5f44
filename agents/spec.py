"""The grammar in which agents are named: ``a``, ``a@RUN``, and ``a@RUN+b`` for a hybrid."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from synthgym.checks import one_of
from synthgym.errors import SynthgymError

RENAMED = {"misled": "shuffled_target"}
"""Agents that had another name before."""


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

        The first ``@`` of a part begins the path of its run, which may hold others. Behind an ``@``, a ``+``
        begins another agent only where the name of a known one follows, alone or before an ``@`` or ``+``, so
        that a path may hold a ``+`` as well.

        Args:
            text: to read.
            known: names of agents.

        Returns:
            Its parts, in the order of the text; ``run`` of a part without an ``@`` is None.

        Raises:
            UnknownNameError: an agent that does not exist.
            SynthgymError: an agent that has another name now, or a name or path that is left out.
        """
        names = "|".join(map(re.escape, [*known, *RENAMED]))
        parts = []
        for part in re.split(rf"\+(?=(?:{names})(?:[@+]|\Z))", text):
            name, at, run = part.partition("@")
            for each in name.split("+"):
                if not each:
                    raise SynthgymError(f"{text!r} leaves out the name of an agent; write a, a@RUN or a+b")
                if each in RENAMED:
                    raise SynthgymError(f"the agent {each!r} is called {RENAMED[each]!r} now; write that")
                one_of("agent", each, known)
            if at and not run:
                raise SynthgymError(f"{text!r} names no run behind {name}@; write {name}@RUN, or {name}")
            parts.append(AgentPart(name, Path(run) if run else None))
        return cls(tuple(parts))

    def with_model(self, model: Path) -> Self:
        """Return the spec with its first agent prepared from the file of a model."""
        first, *others = self.parts
        return replace(self, parts=(replace(first, run=model), *others))

    def __str__(self) -> str:
        return "+".join(map(str, self.parts))
