"""The algorithm of a DX7 voice as a diagram: who modulates whom."""

from __future__ import annotations

from collections.abc import Mapping

from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.diagram import Box, Diagram
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS, Algorithm

CAPTION = (
    "Operators with their output levels; the filled ones are heard, those above modulate them. "
    "The loop is the feedback."
)


def algorithm_diagram(space: ParameterSpace, native: Native) -> Diagram:
    """Return the diagram of a voice (all parameters,).

    Args:
        space: of a DX7's parameters.
        native: one row of DX7 values.

    Returns:
        Boxes for the six operators, and lines from those that modulate to those modulated.
    """
    by_name = {parameter["name"]: parameter for parameter in space.describe(native)}
    number = by_name["ALGORITHM"]["native"]
    algorithm = ALGORITHMS[number]
    x = _places(algorithm)
    boxes = []
    for operator in OPERATORS:
        level = by_name[f"OP{operator} OUTPUT LEVEL"]
        boxes.append(
            Box(
                name=str(operator),
                text=level["text"],
                x=x[operator],
                y=algorithm.height(operator),
                output=operator in algorithm.carriers,
                loop=operator == algorithm.feedback,
                silent=level["native"] == 0,
            )
        )
    at = {operator: (box.x, box.y) for operator, box in zip(OPERATORS, boxes, strict=True)}
    lines = [(*at[modulator], *at[modulated]) for modulator, modulated in algorithm.modulates]
    return Diagram(f"Algorithm {number + 1}", CAPTION, boxes, lines)


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
