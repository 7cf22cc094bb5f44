"""Envelopes that parameters describe, as outlines to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ADSR = ("attack", "decay", "sustain", "release")
_HELD = 0.35
"""How wide the part is in which the note is held, of an outline one wide."""


@dataclass(frozen=True)
class Envelope:
    """An outline in a box one wide and one high.

    Attributes:
        name: of the envelope.
        points: its corners, (from the left, from below).
    """

    name: str
    points: Sequence[tuple[float, float]]

    def path(self, width: float, height: float) -> str:
        """Return the corners as an SVG polyline has them, in a box of that size.

        Args:
            width: of the box, in the units of the SVG.
            height: likewise.

        Returns:
            The text ``x,y x,y ...``, to a tenth; y is 0 at the top.
        """
        return " ".join(f"{x * width:.1f},{(1 - y) * height:.1f}" for x, y in self.points)


def envelopes(unit: Mapping[str, float]) -> list[Envelope]:
    """Return the envelopes among parameters.

    The shapes are right, the widths are not to scale: a stage is the wider the slower its rate, or the longer
    its time, is set.

    Args:
        unit: their values in [0, 1], by name. Those of an envelope are named after it, with ``RATE 1`` to
            ``RATE 4`` and ``LEVEL 1`` to ``LEVEL 4``, or ``attack``, ``decay``, ``sustain`` and ``release``.
    """
    found = []
    for name in unit:
        if name.endswith(" RATE 1"):
            found.append(_four_stages(name.removesuffix(" RATE 1"), unit))
        if name.endswith("attack"):
            before = name.removesuffix("attack")
            if all(before + stage in unit for stage in _ADSR):
                found.append(
                    _adsr(before.strip("_ ") or "envelope", [unit[before + stage] for stage in _ADSR])
                )
    return [envelope for envelope in found if envelope is not None]


def _four_stages(name: str, unit: Mapping[str, float]) -> Envelope | None:
    try:
        rates = [unit[f"{name} RATE {stage}"] for stage in range(1, 5)]
        levels = [unit[f"{name} LEVEL {stage}"] for stage in range(1, 5)]
    except KeyError:  # not all of them are free
        return None
    # From the fourth level up to the first, to the second, to the third, which is held; then back.
    start = levels[3]
    ends = zip([start, *levels[:3]], levels, rates, strict=True)
    widths = [0.02 + (1 - rate) * abs(level - before) for before, level, rate in ends]
    return _outline(name, [start, *levels], widths)


def _adsr(name: str, values: Sequence[float]) -> Envelope:
    attack, decay, sustain, release = values
    return _outline(name, [0, 1, sustain, 0], [0.02 + attack, 0.02 + decay, 0.02 + release])


def _outline(name: str, levels: Sequence[float], widths: Sequence[float]) -> Envelope:
    """Join levels by stages of so many widths, and hold the level before the last stage."""
    scale = (1 - _HELD) / sum(widths)
    points, x = [(0.0, levels[0])], 0.0
    for number, (level, width) in enumerate(zip(levels[1:], widths, strict=True)):
        if number == len(widths) - 1:
            x += _HELD
            points.append((x, points[-1][1]))
        x += width * scale
        points.append((x, level))
    return Envelope(name, points)
