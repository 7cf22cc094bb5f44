"""Where random sounds come from: numbered streams of audible patches.

Item i of a stream is a pure function of (seed, stream, i): whoever makes it, in whatever batch or
process, gets the same patch. Streams never meet: they differ in the spawn key of their seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from synthgym.checks import one_of
from synthgym.errors import SynthError
from synthgym.parameters import ParameterSpace, Unit
from synthgym.synths import Audio

AUDIBLE_PEAK = 10 ** (-44 / 20)
"""A patch is audible if its render peaks at -44 dBFS or above."""

Stream = Literal["train", "validation", "start", "pool"]
STREAMS = ("train", "validation", "test", "start", "pool")

# Fixed, so that every agent ever evaluated meets the same test targets, and none trains on them.
_TEST_SEED = 20_260_101
_MOST_DRAWS = 10_000


class AudiblePatches:
    """One stream of uniformly random patches, the inaudible ones rejected.

    Args:
        space: the parameter space to draw from.
        render: audio (B, samples) of unit vectors (B, n).
        stream: ``train``, ``validation``, ``start`` or ``pool``.
        seed: any whole number from 0.
    """

    def __init__(
        self,
        space: ParameterSpace,
        render: Callable[[Unit], Audio],
        stream: Stream,
        seed: int,
    ) -> None:
        one_of("stream of patches", stream, (s for s in STREAMS if s != "test"))
        self._set(space, render, stream, seed)

    def _set(self, space: ParameterSpace, render: Callable[[Unit], Audio], stream: str, seed: int) -> None:
        self._space = space
        self._render = render
        self._key = STREAMS.index(stream)
        self._seed = seed

    def items(self, numbers: Sequence[int]) -> tuple[Unit, Audio]:
        """Return items of the stream by number: quantised unit vectors (B, n) and their audio.

        Raises:
            SynthError: 10,000 draws in a row are inaudible.
        """
        generators = [
            np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(self._key, i)))
            for i in numbers
        ]
        found: dict[int, tuple[Unit, Audio]] = {}
        for _ in range(_MOST_DRAWS):
            waiting = [i for i in range(len(generators)) if i not in found]
            if not waiting:
                units, audio = zip(*(found[i] for i in range(len(generators))), strict=True)
                return np.stack(units), np.stack(audio)
            drawn = np.stack([self._space.sample(generators[i]) for i in waiting])
            for i, unit, sound in zip(waiting, drawn, self._render(drawn), strict=True):
                if np.abs(sound).max() >= AUDIBLE_PEAK:
                    found[i] = unit, sound
        raise SynthError(
            f"{_MOST_DRAWS} random patches in a row are inaudible (peak below -44 dBFS); "
            "free or freeze other parameters"
        )


class HeldOutPatches(AudiblePatches):
    """The test stream, for evaluation only. Its seed is the package's own and nothing changes it."""

    def __init__(self, space: ParameterSpace, render: Callable[[Unit], Audio]) -> None:
        self._set(space, render, "test", _TEST_SEED)
