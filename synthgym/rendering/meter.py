"""The count of renders."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RenderMeter:
    """Counts the renders that somebody pays for.

    A task has one of its own. Whoever pays across several tasks or sessions, as a training that is resumed,
    puts theirs in its place: ``task.meter = RenderMeter(so_far)``.

    Attributes:
        renders: how many sounds were rendered, targets and rejected candidates included.
        failures: how many of them failed and were taken for silence.
    """

    renders: int = 0
    failures: int = 0
