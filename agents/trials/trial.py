"""One target, and the renders that may be spent on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import whole
from synthgym.errors import SynthgymError
from synthgym.features import Feature, Features, distance
from synthgym.notes import MIDDLE_C, Note, Notes
from synthgym.parameters import ParameterSpace, Unit
from synthgym.rendering import Rendered, Worker
from synthgym.task import SoundMatchingTask

from .pool import Pool


class BudgetSpent(Exception):
    """Ends an agent's search: the last render is made."""


@dataclass(frozen=True)
class Best:
    """The nearest sound so far.

    Attributes:
        render: which render it was, from 1.
        unit: its unit vector (n,); None if it is silence that no parameters make, or if its render failed.
        distance: how far it is from the target.
    """

    render: int
    unit: Unit | None
    distance: float


def middle_of(notes: Notes) -> int:
    """Return which of several notes (k, 3) is nearest to middle C, the loudest of those: what knows one note
    hears that."""
    return min(range(len(notes)), key=lambda i: (abs(notes[i, 0] - MIDDLE_C), -notes[i, 1]))


@dataclass
class Trial:
    """One target and a budget of renders: counts them, and keeps the best.

    Attributes:
        source: renders: the task or, in a process of the workers, its worker.
        target: the rendered target, one sound.
        shown: the target as the agent sees it: the same, but for a control that sees another.
        budget: how many renders may be spent; all count, the start included. Of k notes a target, a patch
            costs k.
        pool: where starts come from.
        rng: of all that is random in the agent.
        played: the note that the target is of, (3,) (default: the synth's note, if it is fixed), or the notes
            (k, 3) of a target of several.
        notes: that note, at which everything is rendered, (1, 3), or those notes, (1, k, 3).
        number: of the trial among those of its target; an agent that was trained several times searches by
            the model of that number.
        distances: of every patch that was rendered so far, by the first feature.
        records: the renders that were nearer than all before them.
        failures: the messages of renders that failed and were taken for silence.
        offline: at each of them, how many renders were made before the target was known for what the agent
            had used by then.
    """

    source: SoundMatchingTask | Worker
    target: Rendered
    budget: int
    pool: Pool
    rng: np.random.Generator
    played: NDArray[np.float64] | None = None
    number: int = 0
    distances: list[float] = field(default_factory=list)
    records: list[Best] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    offline: list[int] = field(default_factory=list)
    shown: Rendered = field(init=False)
    notes: Notes = field(init=False)
    notes_per_target: int = field(init=False)
    _starts: int = 0
    _offline_by_source: dict[str, int] = field(default_factory=dict)
    _best_rendered: Rendered | None = None

    def __post_init__(self) -> None:
        several = self.played is not None and self.played.ndim > 1
        self.notes_per_target = len(self.played) if several and self.played is not None else 1
        whole("budget", self.budget, 1, 10**9)
        if self.budget < self.notes_per_target:
            raise SynthgymError(
                f"a budget of {self.budget} is too small: a patch costs {self.notes_per_target} renders, "
                "one for each note of the target"
            )
        self.shown, self.notes = self.target, self.note.rows(1, self.played, self.notes_per_target)

    @property
    def space(self) -> ParameterSpace:
        """The parameters that are looked for."""
        return self.source.space

    @property
    def features(self) -> Sequence[Feature]:
        """Of every sound; distances are of the first."""
        return self.source.features

    @property
    def note(self) -> Note:
        """What the synth plays: one note, or the range that ``notes`` are of."""
        return self.source.note

    @property
    def best(self) -> Best | None:
        """The nearest so far."""
        return self.records[-1] if self.records else None

    @property
    def found(self) -> Unit | None:
        """The unit vector of the nearest so far (n,); None before there is one, for the answer of silence,
        and for a render that failed."""
        return self.best.unit if self.best else None

    @property
    def has_sound(self) -> bool:
        """Whether the nearest so far is a patch that makes a sound."""
        return self._best_rendered is not None and bool(np.any(self._best_rendered.features[0]))

    @property
    def known(self) -> tuple[Unit, Rendered] | None:
        """The nearest so far, (1, n), and its render; None before there is one that parameters make."""
        if self.found is None or self._best_rendered is None:
            return None
        return self.found[None], self._best_rendered

    @property
    def at_one_note(self) -> tuple[Features, Notes]:
        """The target as the agent sees it, (1, frames, bins), and its note (1, 3); of several notes the
        middle one: what knows one note hears that."""
        seen = self.shown.features[0]
        if self.notes_per_target == 1:
            return seen, self.notes
        which = middle_of(self.notes[0])
        return seen[:, which], self.notes[:, which]

    @property
    def renders(self) -> int:
        """How many renders were made."""
        return len(self.distances) * self.notes_per_target

    @property
    def most(self) -> int:
        """How many patches the budget is for."""
        return self.budget // self.notes_per_target

    @property
    def left(self) -> int:
        """How many patches may still be rendered."""
        return self.most - len(self.distances)

    @property
    def spent(self) -> float:
        """The share of what may be spent that is, 0 to 1."""
        return len(self.distances) / self.most

    def __call__(self, unit: Unit) -> NDArray[np.float64]:
        """Render unit vectors (B, n) and return their distances (B,).

        Raises:
            BudgetSpent: the budget ends with or before them; as many as it allows are made and count.
        """
        self.render(unit)
        return np.array(self.distances[-len(unit) :])

    def by_feature(self, unit: Unit) -> NDArray[np.float64]:
        """As the call, by each of the features: (B, features)."""
        rendered = self.render(unit)
        return np.stack(
            [distance(now, aim) for now, aim in zip(rendered.features, self.target.features, strict=True)],
            axis=1,
        ).astype(np.float64)

    def render(self, unit: Unit, notes: Notes | None = None, *, audio: bool = False) -> Rendered:
        """As the call, but return what was rendered.

        A trial is a source of sound for episodes (``SoundSource``), which give the ``notes`` of their target:
        they are the trial's own, which it renders at anyway.

        Args:
            unit: (B, n) in [0, 1]; of rows beyond the budget none is rendered.
            notes: not read.
            audio: whether to return it, too.

        Returns:
            What was rendered of all rows.

        Raises:
            BudgetSpent: the budget did not suffice for all rows.
        """
        asked = len(unit)
        unit = np.asarray(unit, np.float32)[: self.left]
        if not len(unit):
            raise BudgetSpent
        rendered = self.source.render(unit, np.repeat(self.notes, len(unit), axis=0), audio=audio)
        far = distance(rendered.features[0], self.target.features[0]).tolist()
        failed = {row for row, _ in rendered.failures}
        self.failures += [message for _, message in rendered.failures]
        for i, value in enumerate(far):
            if not self._record(None if i in failed else unit[i].copy(), value):
                continue
            features = tuple(each[i : i + 1].copy() for each in rendered.features)
            self._best_rendered = None if i in failed else Rendered(features)
        self.after_render(unit, rendered)
        if len(unit) < asked:
            raise BudgetSpent
        return rendered

    def after_render(self, unit: Unit, rendered: Rendered) -> None:
        """Called after unit vectors (B, n) were rendered; does nothing here.

        Args:
            unit: float32 (B, n) in [0, 1].
            rendered: of the same rows.
        """

    def answer_silence(self) -> None:
        """Answer with silence: a render that no parameters make."""
        aim = self.target.features[0]
        if self._record(None, float(distance(np.zeros_like(aim), aim)[0])):
            self._best_rendered = None

    def _record(self, unit: Unit | None, value: float) -> bool:
        """Keep a render; return whether it is the nearest so far."""
        self.distances.append(value)
        self.offline.append(sum(self._offline_by_source.values()))
        # Many patches share nothing with the target, as silence does; but a search can go on from them.
        best = self.best
        nearer = best is None or (value, unit is None) < (best.distance, best.unit is None)
        if nearer:
            self.records.append(Best(self.renders, unit, value))
        return nearer

    def count_offline(self, source: str, renders: int) -> None:
        """Count the offline renders of something that the agent uses; each source counts once.

        Args:
            source: its name, such as a path.
            renders: how many it cost, 0 or more; a later count of the same source replaces it.
        """
        self._offline_by_source[source] = renders

    def starts(self, count: int) -> Unit:
        """Return the next patches of the pool (count, n), or those that are left.

        Raises:
            BudgetSpent: none is left.
        """
        self.pool.reach(self._starts + count)
        unit = self.pool.unit[self._starts : self._starts + count]
        if not len(unit):
            raise BudgetSpent
        self._starts += len(unit)
        self.count_offline("pool", int(self.pool.renders[: self._starts].sum()))
        return unit

    def start_point(self, count: int) -> tuple[Unit, float]:
        """Return where a search begins, a unit vector (n,), and its distance.

        It is the best that is known, or else that of ``count`` starts.
        """
        if self.best is None or self.found is None:
            return self.best_start(count)
        return self.found, self.best.distance

    def best_start(self, count: int) -> tuple[Unit, float]:
        """Return the best of the pool's next ``count`` patches, (n,), and its distance."""
        starts = self.starts(count)
        far = self(starts)
        nearest = int(np.argmin(far))
        return starts[nearest], float(far[nearest])

    def episode_start(self, starts: int = 1) -> tuple[Unit, Rendered]:
        """Return where an episode begins, (1, n), and its render: the first at the best that is known, if
        anything is, every other at that of so many of the pool's next patches which is nearest to the target
        as the agent sees it."""
        if self._starts == 0 and self.known is not None:
            return self.known
        start = self.starts(starts)
        rendered = self.render(start)
        nearest = int(distance(rendered.features[0], self.shown.features[0]).argmin())
        return start[nearest : nearest + 1], rendered.rows([nearest])

    def best_of(self, renders: int) -> Best:
        """Return the best of the first so many renders."""
        return next(best for best in reversed(self.records) if best.render <= renders)
