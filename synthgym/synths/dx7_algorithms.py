"""The 32 algorithms of a Yamaha DX7: which operator modulates which.

As printed on the panel (Yamaha DX7 Owner's Manual, 1983); that the engine does the same is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

OPERATORS = range(1, 7)


@dataclass(frozen=True)
class Algorithm:
    """How six operators are joined.

    Attributes:
        modulates: pairs (modulator, modulated); an operator that modulates none is a carrier.
        feedback: the operator that feedback reaches. In algorithms 4 and 6 it comes from 4 and 5, through the
            stack, elsewhere from the operator itself.
    """

    modulates: tuple[tuple[int, int], ...]
    feedback: int

    @property
    def carriers(self) -> tuple[int, ...]:
        """The carriers, in their order."""
        modulators = {modulator for modulator, _ in self.modulates}
        return tuple(operator for operator in OPERATORS if operator not in modulators)

    def height(self, operator: int) -> int:
        """Return how many operators lie between one and the output: 0 for a carrier."""
        above = [modulated for modulator, modulated in self.modulates if modulator == operator]
        return 1 + max(map(self.height, above)) if above else 0


def _algorithm(text: str, feedback: int) -> Algorithm:
    """Read stacks as ``65>4``: 6 and 5 modulate 4; ``6>5>4``: 6 modulates 5, which modulates 4."""
    pairs = []
    for stack in text.split():
        levels = stack.split(">")
        for modulators, modulated in pairwise(levels):
            pairs += [(int(m), int(c)) for m in modulators for c in modulated]
    return Algorithm(tuple(pairs), feedback)


ALGORITHMS = tuple(
    _algorithm(text, feedback)
    for text, feedback in [
        ("2>1 6>5>4>3", 6),
        ("2>1 6>5>4>3", 2),
        ("3>2>1 6>5>4", 6),
        ("3>2>1 6>5>4", 6),
        ("2>1 4>3 6>5", 6),
        ("2>1 4>3 6>5", 6),
        ("2>1 45>3 6>5", 6),
        ("2>1 45>3 6>5", 4),
        ("2>1 45>3 6>5", 2),
        ("3>2>1 56>4", 3),
        ("3>2>1 56>4", 6),
        ("2>1 456>3", 2),
        ("2>1 456>3", 6),
        ("2>1 56>4>3", 6),
        ("2>1 56>4>3", 2),
        ("235>1 4>3 6>5", 6),
        ("235>1 4>3 6>5", 2),
        ("234>1 6>5>4", 3),
        ("3>2>1 6>45", 6),
        ("3>12 56>4", 3),
        ("3>12 6>45", 3),
        ("2>1 6>345", 6),
        ("3>2 6>45", 6),
        ("6>345", 6),
        ("6>45", 6),
        ("3>2 56>4", 6),
        ("3>2 56>4", 3),
        ("2>1 5>4>3", 5),
        ("4>3 6>5", 6),
        ("5>4>3", 5),
        ("6>5", 6),
        ("", 6),
    ]
)
"""Algorithms 1 to 32, at 0 to 31."""
