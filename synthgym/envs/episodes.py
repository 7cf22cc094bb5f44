"""What happens in episodes, of one environment or of many side by side; all arrays are batch-first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, one_of
from synthgym.envs.observation import ObservedFeature
from synthgym.features import distance
from synthgym.parameters import Unit
from synthgym.rendering import Heard, Rendering
from synthgym.targets import AudiblePatches, Item
from synthgym.task import SoundMatchingTask

Reward = Literal["distance", "improvement", "sparse"]
TargetStream = Literal["train", "validation"]
Rows = Sequence[int] | slice
ALL = slice(None)
KEYWORDS = ("feature", "reward", "max_nudge", "tolerance", "parameters", "frozen", "targets")
"""Of every environment; what a vector environment takes besides is ``rendering`` and ``workers``."""


class Episodes:
    """The rules of the game, and where each of ``count`` episodes stands.

    Keywords as in SynthEnv.

    Attributes:
        task: what renders and listens.
        action_space: of one environment.
        observation_space: of one environment.
        target: features of the targets, (count, frames, bins).
        target_audio: for each, (samples,); audio is kept only ``with_audio``.
        unit: unquantised unit vectors now, (count, n).
        features: of the sounds now, (count, frames, bins).
        audio: of the sounds now.
        distance: of the sounds now, (count,).
        best_unit: those of the least distance so far; so best_audio and best_distance.
        renders: sounds made since the target was known, (count,).
    """

    def __init__(
        self,
        count: int,
        synth: str,
        *,
        with_audio: bool,
        feature: str = "logmel",
        reward: Reward = "distance",
        max_nudge: float = 0.1,
        tolerance: float = 0.05,
        parameters: Sequence[str] | None = None,
        frozen: Mapping[str, float | str] | None = None,
        targets: TargetStream = "train",
        rendering: Rendering = "inline",
        workers: int | None = None,
        **synth_options: Any,
    ) -> None:
        one_of("reward", reward, get_args(Reward))
        one_of("stream of targets", targets, get_args(TargetStream))
        self.reward = reward
        self.max_nudge = number("max_nudge", max_nudge, 0.0001, 1)
        self.tolerance = number("tolerance", tolerance, 0, 1)
        self._targets: TargetStream = targets
        self.task = SoundMatchingTask(
            synth,
            feature=feature,
            parameters=parameters,
            frozen=frozen,
            rendering=rendering,
            workers=workers,
            **synth_options,
        )
        self.observed = ObservedFeature(self.task.feature)
        size = len(self.task.space)
        self.action_space = gym.spaces.Box(-1, 1, (size,), np.float32)
        self.observation_space = self._observation_space(size, self.observed.size)

        self._streams: dict[int, tuple[AudiblePatches, AudiblePatches]] = {}
        self._number = np.full(count, -1)
        self.unit: Unit = np.zeros((count, size), np.float32)
        self.best_unit = self.unit.copy()
        self.features, self.target = (
            np.zeros((count, *self.task.feature.shape), np.float32) for _ in range(2)
        )
        self._pooled, self._pooled_target = (
            np.zeros((count, self.observed.size), np.float32) for _ in range(2)
        )
        # Distances are float32 values, but Python and rewards count in float64.
        self.distance, self.start_distance, self.best_distance, self.judged = (
            np.zeros(count) for _ in range(4)
        )
        self.renders = np.zeros(count, np.int64)
        self.with_audio = with_audio
        self.audio, self.best_audio, self.target_audio = ([np.zeros(0, np.float32)] * count for _ in range(3))

    def _observation_space(self, parameters: int, pooled_size: int) -> gym.Space[Any]:
        return gym.spaces.Box(0, 1, (parameters + 2 * pooled_size,), np.float32)

    def seed(self, row: int, seed: int) -> None:
        """Let the next episode of a row be the first of a seed."""
        self._streams[row] = AudiblePatches(self._targets, seed), AudiblePatches("start", seed)
        self._number[row] = -1

    def seeded(self, row: int) -> bool:
        """Whether a row has a seed."""
        return row in self._streams

    def begun(self, row: int) -> bool:
        """Whether an episode of a row's seed has begun."""
        return bool(self._number[row] >= 0)

    def begin(self, rows: Sequence[int], target: Heard | None, start: Unit | None) -> None:
        """Begin the next episodes of rows.

        Args:
            rows: distinct.
            target: what is heard of the one target of all; default: the next items of the streams.
            start: the one start of all (1, n); likewise.
        """
        numbers = self._number[rows] + 1
        renders: NDArray[np.int64] | int = 1
        if target is None:
            target = self.task.draw(self._items(0, rows, numbers), audio=self.with_audio, count=False).heard
        if start is None:
            drawn = self.task.draw(self._items(1, rows, numbers), audio=self.with_audio)
            start, heard, renders = drawn.unit, drawn.heard, drawn.renders
        else:
            heard = self.task.hear(np.repeat(start, len(rows), axis=0), audio=self.with_audio)
        # Nothing can fail from here.
        self._number[rows] = numbers
        self.target[rows] = target.features[0]
        self._pooled_target[rows] = self.observed.scaled(target.features[0])
        self.renders[rows] = renders
        self.best_distance[rows] = np.inf
        if target.audio is not None and self.with_audio:
            for i, row in enumerate(rows):
                self.target_audio[row] = target.audio[i % len(target.audio)]
        self._hear(rows, start, heard)
        self.start_distance[rows] = self.distance[rows]

    def _items(self, stream: int, rows: Sequence[int], numbers: NDArray[Any]) -> list[Item]:
        return [
            item
            for row, number in zip(rows, numbers, strict=True)
            for item in self._streams[row][stream].items([int(number)])
        ]

    def nudge(self, rows: Rows, actions: NDArray[np.float32]) -> NDArray[np.float64]:
        """Nudge the parameters of rows by actions (rows, n), render and compare; return the rewards."""
        judged = self.judged[rows].copy()
        unit: Unit = np.clip(self.unit[rows] + np.float32(self.max_nudge) * actions, 0, 1)
        heard = self.task.hear(unit, audio=self.with_audio)
        self.renders[rows] += 1
        self._hear(rows, unit, heard)
        now = self.judged[rows]
        return judged - now if self.reward == "improvement" else self.reward_of(now)

    def _hear(self, rows: Rows, unit: Unit, heard: Heard) -> None:
        (features,) = heard.features
        self.unit[rows], self.features[rows] = unit, features
        self._pooled[rows] = self.observed.scaled(features)
        self.distance[rows] = far = distance(features, self.target[rows])
        self.judged[rows] = self._judge(rows)
        better = np.flatnonzero(far < self.best_distance[rows])
        numbers = np.arange(len(self.unit))[rows]
        best = numbers[better]
        self.best_unit[best], self.best_distance[best] = self.unit[best], self.distance[best]
        if heard.audio is not None:
            for row, sound in zip(numbers, heard.audio, strict=True):
                self.audio[row] = sound
            for row in best:
                self.best_audio[row] = self.audio[row]

    def _judge(self, rows: Rows) -> NDArray[np.float64]:
        """Return the distances that reward and success go by."""
        return self.distance[rows]

    def reward_of(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rewards of distances, but for the reward ``improvement``."""
        return np.where(distances <= self.tolerance, 0.0, -1.0) if self.reward == "sparse" else -distances

    def observe(self, rows: Rows = ALL) -> Any:
        """Return fresh observations of rows."""
        return np.concatenate([self.unit[rows], self._pooled[rows], self._pooled_target[rows]], axis=1)

    def success(self) -> NDArray[np.bool_]:
        """Return which sounds are near enough to their targets, (count,)."""
        return self.judged <= self.tolerance

    def terminated(self) -> NDArray[np.bool_]:
        """Return which episodes are at their end, (count,)."""
        return self.success()

    def info(self) -> dict[str, NDArray[Any]]:
        """Return fresh arrays (count,) by name."""
        return {
            "distance": self.distance.copy(),
            "best_distance": self.best_distance.copy(),
            "start_distance": self.start_distance.copy(),
            "is_success": self.success(),
            "renders": self.renders.copy(),
        }

    def pictures(self) -> list[NDArray[np.uint8]]:
        """Return a picture (height, width, 3) of target and current feature for every row."""
        from synthgym.viz.spectrogram import side_by_side  # Matplotlib only for those who look

        feature, seconds = self.task.feature, self.task.synth.note.duration
        rows = zip(self.target, self.features, self.distance, strict=True)
        return [side_by_side(feature, target, now, far, seconds) for target, now, far in rows]
