"""A trial that a person waits for: its progress is shown, and it can be ended at any moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.rendering import Rendered

from .answers import Answer, Answers
from .signals import Signals
from .trial import BudgetSpent, Trial

_MOST = 32
"""So many sounds at most are rendered between two looks at the clock,"""
_FEWEST = min(_MOST, max(2, os.cpu_count() or 1))
"""so many at least, one for each core,"""
_LOOK = 0.25
"""and about as many as take these seconds: a person sees what is found, and stops it."""
_DRAWN = 8
"""So many starts are drawn between two looks at the clock; each may cost many renders."""

_OFTEN = 1.0
"""Seconds between two nearer answers that are told of."""
_SHARE = 8
"""Of the time that is left, so much at a time is for drawing starts: what is drawn is to be heard, too."""


@dataclass
class WatchedTrial(Trial):
    """Shows a progress bar with the best distance so far; a signal ends it as if its budget were spent.

    Attributes:
        signals: that may end it.
        seconds: after which it ends, if not before.
        answers: keeps the nearest that sound different; silence is none of them.
        on_nearer: called with the nearest when there is a nearer one, once a second at most.
        with_bar: whether a progress bar is shown.
    """

    signals: Signals = field(kw_only=True)
    seconds: float | None = field(kw_only=True, default=None)
    answers: Answers = field(kw_only=True)
    on_nearer: Callable[[Answer], None] | None = field(kw_only=True, default=None)
    with_bar: bool = field(kw_only=True, default=True)
    _told: Answer | None = None
    _told_at: float = -np.inf
    _batch: int = _FEWEST

    def __post_init__(self) -> None:
        super().__post_init__()
        self._began, hidden = time.monotonic(), not self.with_bar
        if self.seconds is None:
            self._bar = tqdm(total=self.budget, unit=" renders", desc="matching", disable=hidden)
        else:
            form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            self._bar = tqdm(total=100, desc="matching", bar_format=form, disable=hidden)

    @property
    def spent(self) -> float:
        """As of any trial, or by the time."""
        if self.seconds is None:
            return super().spent
        return max(super().spent, (time.monotonic() - self._began) / self.seconds)

    @property
    def _over(self) -> bool:
        """Whether a signal came, or the time is over and something was rendered in it."""
        return self.signals.caught is not None or (self.spent >= 1 and bool(self.distances))

    def render(self, unit: Unit, notes: Notes | None = None, *, audio: bool = False) -> Rendered:
        """As of any trial, but a few at a time.

        Args:
            unit: (B, n) in [0, 1].
            notes: not read.
            audio: whether to return it, too.

        Returns:
            What was rendered of all rows.

        Raises:
            BudgetSpent: also when a signal came, or the time is over.
        """
        parts: list[Rendered] = []
        at = 0
        while at < len(unit) or not parts:
            if self._over:
                raise BudgetSpent
            begun, count = time.monotonic(), self._batch
            parts.append(super().render(unit[at : at + count], notes, audio=audio))
            at += count
            quick = count * _LOOK / max(time.monotonic() - begun, 1e-6)
            self._batch = int(np.clip(quick // _FEWEST * _FEWEST, _FEWEST, _MOST))
        return Rendered.joined(parts)

    def starts(self, count: int) -> Unit:
        """As of any trial, but no more than can be drawn in an eighth of the time that is left.

        Raises:
            BudgetSpent: also when a signal came, or the time is over, before there is any.
        """
        parts: list[Unit] = []
        begun, began = self.spent, time.monotonic()
        while (left := count - sum(map(len, parts))) and not self._over:
            try:
                known = max(0, self.pool.known - self._starts)
                parts.append(super().starts(min(left, known or _DRAWN)))
            except BudgetSpent:
                break
            self._show()
            slow = time.monotonic() - began > _LOOK
            if slow and self.seconds is not None and not self.distances:
                self.render(parts[0][:_FEWEST])  # a person waits for the first answer, not for all starts
            if self.spent > begun + (1 - begun) / _SHARE:
                break
        if not parts:
            raise BudgetSpent
        return np.concatenate(parts)

    def after_render(self, unit: Unit, rendered: Rendered) -> None:
        """Keep the nearest and show the progress.

        Args:
            unit: float32 (B, n) in [0, 1].
            rendered: of the same rows.
        """
        first = len(self.distances) - len(unit)
        failed = {row for row, _ in rendered.failures}
        for i, (one, feature) in enumerate(zip(unit, rendered.features[0], strict=True)):
            # Silence answers no recording, least of all that of a render that failed.
            if i not in failed and feature.any():
                far = self.distances[first + i]
                render = (first + i + 1) * self.notes_per_target
                self.answers.add(Answer(one.copy(), far, render, feature.copy()))
        self._show()
        self._tell()

    def _tell(self) -> None:
        nearest = self.answers.best[0] if self.answers.best else None
        if self.on_nearer is None or nearest is None or nearest is self._told:
            return
        if time.monotonic() - self._told_at >= _OFTEN:
            self.on_nearer(nearest)
            self._told, self._told_at = nearest, time.monotonic()

    def _show(self) -> None:
        best = "drawing starts" if self.best is None else f"best distance {self.best.distance:.3f}"
        if self.seconds is None:
            self._bar.update(self.renders - self._bar.n)
        else:
            self._bar.update(min(100, 100 * self.spent) - self._bar.n)
            rate = self.renders / (time.monotonic() - self._began)
            best += f", {self.renders:,} renders, {rate:,.0f} renders/s"
        self._bar.set_postfix_str(best, refresh=False)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
