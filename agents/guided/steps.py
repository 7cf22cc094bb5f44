"""Steps: a patch with a few parameters changed. What a step may do to each of them, and how it is drawn."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.parameters import ParameterSpace, Unit

FEW = 33
"""A parameter of at most so many values moves to any of them; others move up or down by some amount."""
AMOUNTS = 12
"""Ranges of amounts, on a logarithmic scale, each way."""
LEAST, MOST, LARGE = 0.004, 0.8, 0.35
"""In unit values: amounts are from the first to the second, and beyond the third less likely at first."""
COUNTS = (1, 2, 3, 4, 6, 8)
"""How many parameters a step may change."""
COUNT_PROBABILITIES = (0.37, 0.36, 0.17, 0.06, 0.03, 0.01)
"""At first: nearly those of a hill climber's step, which changes each of n with a chance of 1 / n."""
WIDEST = COUNTS[-1]
_IMPOSSIBLE = -1e9


class Steps(NamedTuple):
    """K steps from each of B patches.

    Attributes:
        parameters: that are changed, (B, K, 8); -1 for none.
        moves: what is done to each, (B, K, 8).
        counts: how many are changed, as a place in ``COUNTS``, (B, K).
    """

    parameters: NDArray[np.int64]
    moves: NDArray[np.int64]
    counts: NDArray[np.int64]


class StepLogits(NamedTuple):
    """Log-probabilities of steps from each of B patches.

    Attributes:
        parameter: to be the next that is changed, (B, n).
        move: of each parameter, (B, n, size).
        changes: of how many are changed, (B, 6).
    """

    parameter: torch.Tensor
    move: torch.Tensor
    changes: torch.Tensor

    def draw(self, steps: int, rng: np.random.Generator, changed: NDArray[np.int64] | None = None) -> Steps:
        """Draw so many steps from each patch.

        Args:
            steps: K.
            rng: of all that is random.
            changed: how many parameters are changed, up to 8, (B,) (default: as is likely). Those of a
                step differ.

        Returns:
            The steps, K from each of B patches.
        """
        with torch.no_grad():
            parameter, move, changes = (each.numpy() for each in self)
        batch, n = parameter.shape
        widest = min(WIDEST, n)
        # The largest of log-probabilities plus Gumbel noise are a draw without replacement.
        noisy = parameter[:, None] + rng.gumbel(size=(batch, steps, n))
        first = np.argpartition(-noisy, widest - 1, axis=2)[:, :, :widest]
        order = np.argsort(-np.take_along_axis(noisy, first, 2), axis=2)
        chosen = np.take_along_axis(first, order, 2)
        counts = (changes[:, None] + rng.gumbel(size=(batch, steps, len(COUNTS)))).argmax(2)
        wide = np.array(COUNTS)[counts][:, :, None] if changed is None else changed[:, None, None]
        kept = np.arange(widest) < wide
        of_chosen = move[np.arange(batch)[:, None, None], chosen]
        moves = (of_chosen + rng.gumbel(size=of_chosen.shape)).argmax(3)
        return Steps(np.where(kept, chosen, -1), moves, counts)

    def of(self, steps: Steps) -> torch.Tensor:
        """Return the log-probabilities of steps, (B, K)."""
        parameters, moves, counts = (torch.from_numpy(each) for each in steps)
        batch, each, _ = parameters.shape
        changed, named = (parameters >= 0).float(), parameters.clamp(min=0)
        log = self.parameter[:, None].expand(-1, each, -1).gather(2, named)
        chance = log.exp() * changed
        # One after the other, none twice (Plackett and Luce).
        left = 1 - (torch.cumsum(chance, 2) - chance)
        rows = torch.arange(batch)[:, None, None]
        total = (log - torch.log(left.clamp(min=1e-4)) + self.move[rows, named, moves]) * changed
        width = self.changes[:, None].expand(-1, each, -1).gather(2, counts[:, :, None])[:, :, 0]
        return total.sum(2) + width

    def rows(self, rows: NDArray[np.int64]) -> Self:
        """Return those of some of the patches."""
        return type(self)(*(each[torch.from_numpy(rows)] for each in self))


class StepSpace:
    """The moves of the parameters of a space.

    Args:
        space: of n free parameters.

    Attributes:
        size: the most moves that a parameter has.
    """

    def __init__(self, space: ParameterSpace) -> None:
        values = np.array([p.steps or 0 for p in space.free])
        few = (values > 0) & (values <= FEW)
        self.size = max(int(values[few].max(initial=0)), 2 * AMOUNTS)
        shape = len(space), self.size
        # A move to a value, or the least and the most amount of one; the sign of an amount is its direction.
        low, high, exists = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_)
        for i, count in enumerate(values):
            if few[i]:
                low[i, :count] = high[i, :count] = np.arange(count) / max(count - 1, 1)
                exists[i, :count] = True
                continue
            least = 0.75 * max(space.apart[i], LEAST)
            edges = np.exp(np.linspace(np.log(least), np.log(MOST), AMOUNTS + 1))
            low[i, : 2 * AMOUNTS] = np.concatenate([edges[:-1], -edges[:-1]])
            high[i, : 2 * AMOUNTS] = np.concatenate([edges[1:], -edges[1:]])
            exists[i, : 2 * AMOUNTS] = True
        self.few, self._values, self._low, self._high = few, values, low, high
        self.apart = space.apart.astype(np.float32)
        middle = np.where(few[:, None], low, np.sign(low) * np.sqrt(np.abs(low * high)))
        self._middle, self._least = (torch.from_numpy(each).float() for each in (middle, np.abs(low)))
        self._exists, self._few = torch.from_numpy(exists), torch.from_numpy(few)
        self._categorical = torch.from_numpy(space.categorical)
        self._half = torch.from_numpy(self.apart / 2)

    def first(self, unit: torch.Tensor) -> torch.Tensor:
        """Return what the log-probabilities of moves (B, n, size) are before anything is learned.

        Those of a hill climber: amounts of all sizes, categories alike. A move that changes nothing, or that
        leads out of the range, is impossible.
        """
        away = (self._middle - unit[:, :, None]).abs()
        near = torch.where(self._categorical[:, None], 0.0, -torch.log(away + 0.02))
        near = near.masked_fill(away < self._half[:, None], _IMPOSSIBLE)
        there = unit[:, :, None] + torch.sign(self._middle) * self._least
        amounts = torch.where(self._middle.abs() > LARGE, -1.5, 0.0).expand_as(there)
        amounts = amounts.masked_fill((there < -1e-6) | (there > 1 + 1e-6), _IMPOSSIBLE)
        moves = torch.where(self._few[:, None], near, amounts)
        return moves.masked_fill(~self._exists, _IMPOSSIBLE)

    def even(self, unit: Unit) -> StepLogits:
        """Return the log-probabilities of steps from unit vectors (B, n) before anything is learned."""
        batch, n = unit.shape
        move = torch.log_softmax(self.first(torch.from_numpy(unit)), 2)
        count = torch.log(torch.tensor(COUNT_PROBABILITIES)).expand(batch, -1)
        return StepLogits(torch.full((batch, n), -float(np.log(n))), move, count)

    def take(self, unit: Unit, steps: Steps, rng: np.random.Generator) -> Unit:
        """Return the unit vectors (B, K, n) that steps lead to from others (B, n).

        Args:
            unit: float32 in [0, 1].
            steps: K from each of them.
            rng: of where in the range of its amount a value lands.

        Returns:
            Float32 (B, K, n) in [0, 1].
        """
        _, each, widest = steps.parameters.shape
        there = np.repeat(unit[:, None], each, axis=1)
        for j in range(widest):
            row, step = np.nonzero(steps.parameters[:, :, j] >= 0)
            parameter, move = steps.parameters[row, step, j], steps.moves[row, step, j]
            there[row, step, parameter] = self._moved(there[row, step, parameter], parameter, move, rng)
        return there

    def _moved(
        self, value: Unit, parameter: NDArray[np.int64], move: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        low, high = self._low[parameter, move], self._high[parameter, move]
        bounds = np.log(np.maximum(np.abs([low, high]), 1e-12))
        amount = np.exp(bounds[0] + rng.random(len(value)) * (bounds[1] - bounds[0]))
        amount = np.copysign(np.maximum(amount, self.apart[parameter]), low)
        moved: NDArray[np.float64] = np.where(self.few[parameter], low, np.clip(value + amount, 0, 1))
        return moved

    def moves(self, unit: Unit, there: Unit) -> NDArray[np.int64]:
        """Return the moves (B, n) that lead from unit vectors (B, n) to others (B, n).

        Args:
            unit: float32 in [0, 1].
            there: the others.

        Returns:
            Int64 (B, n), the place of the new value for a parameter of few values, the range of its amount
            for another.
        """
        to_value = np.rint(there * (self._values - 1)).astype(np.int64)
        edges = np.abs(self._low[:, :AMOUNTS])
        amount = (np.abs(there - unit)[:, :, None] > edges).sum(2) - 1
        by_amount = np.clip(amount, 0, AMOUNTS - 1) + np.where(there < unit, AMOUNTS, 0)
        moves: NDArray[np.int64] = np.where(self.few, to_value, by_amount)
        return moves

    def changed(self, unit: Unit, there: Unit) -> NDArray[np.bool_]:
        """Return which values (..., n) of unit vectors differ from others.

        Args:
            unit: float32 (..., n) in [0, 1].
            there: the others, of the same shape or one that broadcasts.

        Returns:
            Bool (..., n).
        """
        changed: NDArray[np.bool_] = np.abs(there - unit) > np.maximum(self.apart / 2, LEAST / 2)
        return changed
