"""A diagram of how the parts of a patch are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A part.

    Attributes:
        name: in the box.
        text: below the name.
        x: of its middle, in boxes from the left.
        y: how high it stands, 0 for the lowest row.
        output: whether it is heard itself.
        loop: whether feedback reaches it.
        silent: whether it is turned off.
    """

    name: str
    text: str
    x: float
    y: int
    output: bool
    loop: bool
    silent: bool


@dataclass(frozen=True)
class Diagram:
    """Boxes, and lines (x, y, x, y) between their middles.

    Attributes:
        title: above it.
        caption: below it.
        boxes: in the order of their names.
        lines: from those that feed others to those that are fed.
    """

    title: str
    caption: str
    boxes: Sequence[Box]
    lines: Sequence[tuple[float, int, float, int]]

    @property
    def width(self) -> int:
        """In boxes."""
        return 1 + round(max(box.x for box in self.boxes))

    @property
    def height(self) -> int:
        """In boxes."""
        return 1 + max(box.y for box in self.boxes)
