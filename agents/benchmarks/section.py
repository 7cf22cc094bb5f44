"""What a section of the benchmark is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

Row = dict[str, Any]
"""One line of a table: a value by column. ``rounds`` holds what was measured, a list by contender."""

Bound = tuple[Literal["at least", "at most"], float]


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: in each of which every contender has its turn.
        steps: of a turn, for each of 16 environments; other numbers of them step as often in all.
    """

    rounds: int
    steps: int

    def calls(self, num_envs: int) -> int:
        """Return how many steps ``num_envs`` environments make together in a turn."""
        return max(1, 16 * self.steps // num_envs)


@dataclass(frozen=True)
class Section:
    """One table, and how it is measured.

    Attributes:
        name: on the command line and in the JSON.
        title: of the table.
        text: what is compared with what.
        columns: headings by the keys of the rows, in order.
        measure: returns the rows; figures are floats.
        required: bounds of columns by key.
    """

    name: str
    title: str
    text: str
    columns: Mapping[str, str]
    measure: Callable[[Effort], list[Row]]
    required: Mapping[str, Bound] = field(default_factory=dict)

    def missed(self, rows: list[Row]) -> list[str]:
        """Return where a bound is not kept: the row, the column and its value."""
        return [
            f"{self._named(row)}: {self.columns[key]} is {row[key]:.3f}"
            for row in rows
            for key, (side, limit) in self.required.items()
            if (row[key] < limit if side == "at least" else row[key] > limit)
        ]

    def _named(self, row: Row) -> str:
        """Return what stands before the first measured figure."""
        return " ".join(map(str, takewhile(lambda value: not isinstance(value, float), row.values())))
