"""What happens in episodes, of one environment or of many side by side; all arrays are batch-first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.envs.observation import ObservedFeature
from synthgym.features import Feature, distance
from synthgym.notes import Note, Notes
from synthgym.parameters import ParameterSpace, Unit
from synthgym.rendering import Rendered
from synthgym.rules import Rules

Rows = Sequence[int] | slice
ALL = slice(None)


class SoundSource(Protocol):
    """What renders for episodes: a task, or the trial of an agent, which spends its budget."""

    @property
    def space(self) -> ParameterSpace:
        """The parameters that are set."""

    @property
    def features(self) -> Sequence[Feature]:
        """Of every sound; distances are of the first."""

    @property
    def note(self) -> Note:
        """What the synth plays: one note, or a range of notes."""

    @property
    def notes_per_target(self) -> int:
        """At how many notes every patch is rendered."""

    def render(self, unit: Unit, notes: Notes, *, audio: bool = False) -> Rendered:
        """Render unit vectors (B, n) at notes (B, 3), or of k notes a target (B, k, 3); extract features.

        Args:
            unit: float32 in [0, 1].
            notes: MIDI note, velocity and seconds held of each.
            audio: whether the audio is wanted too.

        Returns:
            The features (B, ...), and the audio (B, samples) if it was wanted.
        """


class Episodes:
    """The state of ``count`` episodes.

    Args:
        count: how many go on side by side.
        rules: of the episodes.
        source: renders.
        note: the range of notes that is observed (default: that of the source).
        with_audio: whether audio is kept.

    Attributes:
        action_space: of one environment.
        observation_space: of one environment.
        notes: that targets and sounds are played at, (count, 3); of k notes a target (count, k, 3).
        target: features of the targets, (count, frames, bins); of k notes (count, k, frames, bins).
        target_audio: for each, (samples,); audio is kept only ``with_audio``.
        unit: unquantised unit vectors now, (count, n).
        features: of the sounds now, (count, frames, bins).
        audio: of the sounds now.
        distance: of the sounds now, (count,).
        best_unit: those of the least distance so far; so best_audio and best_distance.
        renders: sounds made since the target was known, (count,).
        failures: how many of them were silence because their render failed, (count,).
    """

    def __init__(
        self,
        count: int,
        rules: Rules,
        source: SoundSource,
        *,
        note: Note | None = None,
        with_audio: bool = False,
    ) -> None:
        self.rules, self.source, self.with_audio = rules, source, with_audio
        feature = source.features[0]
        self._each = each = source.notes_per_target
        self.observed = ObservedFeature(feature, each)
        size, self._note = len(source.space), note or source.note
        self.action_space = gym.spaces.Box(-1, 1, (size,), np.float32)
        self.observation_space = self._observation_space(
            size + each * len(self._note.varies), self.observed.size
        )

        self.unit: Unit = np.zeros((count, size), np.float32)
        self.best_unit = self.unit.copy()
        several = (each,) if each > 1 else ()
        self.notes: Notes = np.broadcast_to(self._note.middle()[0], (count, *several, 3)).copy()
        self.features, self.target = (
            np.zeros((count, *several, *feature.shape), np.float32) for _ in range(2)
        )
        self._pooled, self._pooled_target = (
            np.zeros((count, self.observed.size), np.float32) for _ in range(2)
        )
        # Distances are float32 values, but Python and rewards count in float64.
        self.distance, self.start_distance, self.best_distance, self.judged, self.tried = (
            np.zeros(count) for _ in range(5)
        )
        self.renders, self.failures = (np.zeros(count, np.int64) for _ in range(2))
        self.audio, self.best_audio, self.target_audio = ([np.zeros(0, np.float32)] * count for _ in range(3))

    def _observation_space(self, state_size: int, pooled_size: int) -> gym.Space[Any]:
        low = 0 if self.rules.contrast is None else -1
        return gym.spaces.Box(low, 1, (state_size + 2 * pooled_size,), np.float32)

    def begin(
        self,
        rows: Sequence[int],
        target: Rendered,
        notes: Notes,
        start: Unit,
        rendered: Rendered,
        renders: NDArray[np.int64] | int | None = None,
    ) -> None:
        """Begin episodes.

        Args:
            rows: distinct.
            target: their targets, or the one target of all.
            notes: that they are played at, (rows, 3) or (rows, k, 3).
            start: unit vectors that they start from, (rows, n).
            rendered: those starts.
            renders: how many sounds each start cost (default: its own).
        """
        self.notes[rows] = notes
        self.target[rows] = target.features[0]
        self._pooled_target[rows] = self.observed.scaled(target.features[0])
        self.renders[rows] = self._each if renders is None else renders
        self.failures[rows] = 0
        self.best_distance[rows] = self.judged[rows] = np.inf
        if target.audio is not None and self.with_audio:
            for i, row in enumerate(rows):
                self.target_audio[row] = target.audio[i % len(target.audio)]
        self._take(rows, start, rendered)
        self.start_distance[rows] = self.distance[rows]

    def nudge(self, rows: Rows, actions: NDArray[np.float32]) -> NDArray[np.float64]:
        """Nudge the parameters of rows by actions (rows, n), render and compare; return the rewards.

        Args:
            rows: numbers of the environments.
            actions: float32 in [-1, 1], of which 1 is ``max_nudge``.

        Returns:
            Float64 (rows,), as the rules say.
        """
        judged = self.judged[rows].copy()
        unit: Unit = np.clip(self.unit[rows] + self._nudges(actions), 0, 1)
        rendered = self.source.render(unit, self.notes[rows], audio=self.with_audio)
        self.renders[rows] += self._each
        self._take(rows, unit, rendered)
        now = self.judged[rows]
        return judged - now if self.rules.reward == "improvement" else self.reward_of(now)

    def _nudges(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return by how much actions (rows, n) move the parameters, (rows, n)."""
        nudges: NDArray[np.float32] = np.float32(self.rules.max_nudge) * actions
        if self.rules.most_nudged is not None:
            nudges = nudges.copy()
            smaller = np.argsort(-np.abs(actions), axis=1, kind="stable")[:, self.rules.most_nudged :]
            np.put_along_axis(nudges, smaller, 0, axis=1)
        return nudges

    def _take(self, rows: Rows, unit: Unit, rendered: Rendered) -> None:
        """Go on to sounds of rows; with ``keep_best``, where that does not lead away from the targets."""
        numbers, features = np.arange(len(self.unit))[rows], rendered.features[0]
        pooled, far = self.observed.scaled(features), distance(features, self.target[rows])
        judged = self._judge(numbers, pooled, far)
        goes_on = np.full(len(numbers), True)
        if self.rules.keep_best:
            goes_on = judged <= self.judged[rows]
            # A failed render is no sound to go on from, even where the one before is as far away.
            goes_on[[row for row, _ in rendered.failures]] = False
            goes_on |= np.isinf(self.judged[rows])  # an episode begins
        going_on = np.flatnonzero(goes_on)
        now = numbers[going_on]
        self.tried[rows] = far
        self.unit[now], self.features[now], self._pooled[now] = (
            each[going_on] for each in (unit, features, pooled)
        )
        self.distance[now], self.judged[now] = far[going_on], judged[going_on]
        better = np.flatnonzero(far < self.best_distance[rows])
        best = numbers[better]
        self.best_unit[best], self.best_distance[best] = unit[better], far[better]
        for failed, _ in rendered.failures:
            self.failures[numbers[failed]] += 1
        if rendered.audio is not None:
            for i in going_on:
                self.audio[numbers[i]] = rendered.audio[i]
            for i in better:
                self.best_audio[numbers[i]] = rendered.audio[i]

    def _judge(
        self, rows: NDArray[np.int64], pooled: NDArray[np.float32], far: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the distances of rows that reward and success go by.

        Args:
            rows: of the targets.
            pooled: features as they are observed, (rows, m).
            far: distances at full resolution, (rows,).
        """
        return far.astype(np.float64)

    def reward_of(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rewards of distances, but for the reward ``improvement``."""
        return (
            np.where(distances <= self.rules.tolerance, 0.0, -1.0)
            if self.rules.reward == "sparse"
            else -distances
        )

    def observe(self, rows: Rows = ALL) -> Any:
        """Return fresh observations of rows."""
        state, sound, target = self._state(rows), self._pooled[rows], self._pooled_target[rows]
        if self.rules.contrast is None:
            return np.concatenate([state, sound, target], axis=1)
        apart = np.clip(np.float32(self.rules.contrast) * (target - sound), -1, 1)
        return np.concatenate([2 * state - 1, apart, 2 * target - 1], axis=1)

    def _state(self, rows: Rows) -> NDArray[np.float32]:
        """Return what the synth is set to, (rows, n + what varies of the notes), each in [0, 1]."""
        if not self._note.varies:
            return self.unit[rows].copy()
        return np.concatenate([self.unit[rows], self._note.scaled(self.notes[rows])], axis=1)

    def success(self) -> NDArray[np.bool_]:
        """Return which sounds are near enough to their targets, (count,)."""
        return self.judged <= self.rules.tolerance

    def terminated(self) -> NDArray[np.bool_]:
        """Return which episodes are at their end, (count,)."""
        return self.success()

    def info(self) -> dict[str, NDArray[Any]]:
        """Return fresh arrays (count,) by name."""
        return {
            "distance": self.distance.copy(),
            "best_distance": self.best_distance.copy(),
            "start_distance": self.start_distance.copy(),
            "tried_distance": self.tried.copy(),
            "is_success": self.success(),
            "renders": self.renders.copy(),
            "failures": self.failures.copy(),
            **self._played(),
        }

    def _played(self) -> dict[str, NDArray[Any]]:
        """Return note, velocity and hold; of several notes ``note_1``, ``velocity_1`` and so on."""
        played: dict[str, NDArray[Any]] = {}
        for i in range(self._each):
            number = f"_{i + 1}" if self._each > 1 else ""
            pitch, velocity, hold = self.notes.reshape(len(self.notes), self._each, 3)[:, i].T
            played[f"note{number}"] = pitch.astype(np.int64)
            played[f"velocity{number}"] = velocity.astype(np.int64)
            played[f"hold{number}"] = hold.copy()
        return played
