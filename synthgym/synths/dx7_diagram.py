"""The algorithm of a DX7 voice as a diagram: who modulates whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS, Algorithm


@dataclass(frozen=True)
class Box:
    """An operator's box.

    Attributes:
        operator: its number.
        x: of its middle, in boxes from the left.
        y: how high it stands, 0 for a carrier.
        carrier: whether it is heard.
        feedback: whether feedback reaches it.
        level: its output level as text.
        silent: whether that is 0.
    """

    operator: int
    x: float
    y: int
    carrier: bool
    feedback: bool
    level: str
    silent: bool


@dataclass(frozen=True)
class Diagram:
    """Boxes and lines, (x, y, x, y) from the middles of modulators to those of the modulated.

    Attributes:
        number: of the algorithm, as on the panel.
        boxes: of the operators.
        lines: between them.
        width: in boxes.
        height: in boxes.
    """

    number: int
    boxes: list[Box]
    lines: list[tuple[float, int, float, int]]
    width: int
    height: int


def drawn_algorithm(space: ParameterSpace, native: Native) -> Diagram | None:
    """Return the diagram of a patch (all parameters,); None if it is no DX7 voice."""
    by_name = {parameter["name"]: parameter for parameter in space.describe(native)}
    if "ALGORITHM" not in by_name or "OP6 OUTPUT LEVEL" not in by_name:
        return None
    number = by_name["ALGORITHM"]["native"]
    algorithm = ALGORITHMS[number]
    x = _places(algorithm)
    boxes = []
    for operator in OPERATORS:
        level = by_name[f"OP{operator} OUTPUT LEVEL"]
        carrier, feedback = operator in algorithm.carriers, operator == algorithm.feedback
        place = x[operator], algorithm.height(operator)
        boxes.append(Box(operator, *place, carrier, feedback, level["text"], level["native"] == 0))
    at = {box.operator: (box.x, box.y) for box in boxes}
    lines = [(*at[modulator], *at[modulated]) for modulator, modulated in algorithm.modulates]
    width = 1 + round(max(box.x for box in boxes))
    return Diagram(number + 1, boxes, lines, width, 1 + max(box.y for box in boxes))


def _places(algorithm: Algorithm) -> Mapping[int, float]:
    """Return where operators stand from the left: each stack in its own columns, shared ones between."""
    above: dict[int, list[int]] = {operator: [] for operator in OPERATORS}
    below: dict[int, list[int]] = {operator: [] for operator in OPERATORS}
    for modulator, modulated in algorithm.modulates:
        above[modulated].append(modulator)
        below[modulator].append(modulated)
    x: dict[int, float] = {}
    columns = 0

    def place(operator: int) -> None:
        nonlocal columns
        stack = [modulator for modulator in above[operator] if len(below[modulator]) == 1]
        for modulator in stack:
            place(modulator)
        if not stack:
            x[operator], columns = columns, columns + 1
        else:
            x[operator] = sum(x[modulator] for modulator in stack) / len(stack)

    for carrier in algorithm.carriers:
        place(carrier)
    for operator in OPERATORS:
        if operator not in x:
            x[operator] = sum(x[modulated] for modulated in below[operator]) / len(below[operator])
    return x
