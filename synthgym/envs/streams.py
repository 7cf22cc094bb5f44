"""The random targets and starts of episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from synthgym.patches import PatchId, PatchStream, TargetStream


class EpisodeStreams:
    """The random targets and starts of episodes: episode i after a seed has patch i of both streams.

    Args:
        count: of environments.
        targets: name of the stream of targets.
    """

    def __init__(self, count: int, targets: TargetStream) -> None:
        self._stream: TargetStream = targets
        self._seeds: dict[int, int] = {}
        self._patches: dict[int, tuple[PatchStream, PatchStream]] = {}
        self._number = np.full(count, -1)

    def seed(self, row: int, seed: int) -> None:
        """Let the next episode of an environment be the first of a seed.

        Args:
            row: the number of the environment, from 0.
            seed: 0 or more.
        """
        self._patches[row] = PatchStream(self._stream, seed), PatchStream("start", seed)
        self._seeds[row], self._number[row] = seed, -1

    @contextmanager
    def unless_it_fails(self) -> Iterator[None]:
        """Have all streams stand where they did before, if what is done in the block raises."""
        before = self._seeds.copy(), self._patches.copy(), self._number.copy()
        try:
            yield
        except BaseException:
            self._seeds, self._patches, self._number = before
            raise

    def seeds(self) -> tuple[int | None, ...]:
        """Return the seed of each environment's streams, None where it has none yet."""
        return tuple(self._seeds.get(row) for row in range(len(self._number)))

    def seeded(self, row: int) -> bool:
        """Whether an environment has a seed."""
        return row in self._patches

    def begun(self, row: int) -> bool:
        """Whether an episode of an environment's seed has begun."""
        return bool(self._number[row] >= 0)

    def targets(self, rows: Sequence[int]) -> list[PatchId]:
        """Return the targets of the next episodes."""
        return self._next(0, rows, 1)

    def starts(self, rows: Sequence[int], many: int) -> list[PatchId]:
        """Return so many starts of each of the next episodes, those of a row side by side.

        Args:
            rows: numbers of environments.
            many: how many starts each episode has, 1 or more.

        Returns:
            The ids of len(rows) times ``many`` patches.
        """
        return self._next(1, rows, many)

    def advance(self, rows: Sequence[int]) -> None:
        """Go on to the episodes after those."""
        self._number[rows] += 1

    def _next(self, which: int, rows: Sequence[int], many: int) -> list[PatchId]:
        patches: list[PatchId] = []
        for row in rows:
            first = (int(self._number[row]) + 1) * many
            patches += self._patches[row][which].ids(range(first, first + many))
        return patches
