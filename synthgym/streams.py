"""The names of random patches: a seed, a stream and a number say all that one is made of.

Streams never meet, since they differ in the spawn key of their seeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from synthgym.checks import one_of
from synthgym.errors import SynthgymError

HELD_OUT = 1000
"""How many patches the test stream has."""

Stream = Literal["train", "validation", "start", "pool", "dataset"]
TargetStream = Literal["train", "validation"]
STREAMS = ("train", "validation", "test", "start", "pool", "dataset")

# Fixed, so that every agent ever evaluated meets the same test targets, and none trains on them.
_TEST_SEED = 20_260_101


class PatchId(NamedTuple):
    """What a patch is a function of: a seed, a stream, and its number in that stream."""

    seed: int
    stream: int
    number: int

    def generator(self, *more: int) -> np.random.Generator:
        """Return the generator that the patch is made with, or with numbers one for what goes with it."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(*self[1:], *more)))

    @property
    def is_training(self) -> bool:
        """Whether an agent may learn from it: validation and test patches are to measure it by."""
        return STREAMS[self.stream] not in ("validation", "test")


class PatchStream:
    """A stream of random patches, from which the inaudible ones are rejected.

    Args:
        stream: ``train``, ``validation``, ``start``, ``pool`` or ``dataset``.
        seed: any whole number from 0.
    """

    def __init__(self, stream: Stream, seed: int) -> None:
        one_of("stream of patches", stream, (s for s in STREAMS if s != "test"))
        self._stream, self._seed = STREAMS.index(stream), seed

    def ids(self, numbers: Iterable[int]) -> list[PatchId]:
        """Return the ids of patches by number, for ``SoundMatchingTask.make_patches``."""
        return [PatchId(self._seed, self._stream, number) for number in numbers]


class HeldOutStream(PatchStream):
    """The 1,000 patches of the test stream, for evaluation only. Its seed is fixed."""

    def __init__(self) -> None:
        self._stream, self._seed = STREAMS.index("test"), _TEST_SEED

    def ids(self, numbers: Iterable[int]) -> list[PatchId]:
        """Return the ids of patches by number; SynthgymError beyond the last."""
        numbers = list(numbers)
        if not all(0 <= number < HELD_OUT for number in numbers):
            raise SynthgymError(f"the test stream has patches 0 to {HELD_OUT - 1}; ask for fewer targets")
        return super().ids(numbers)
