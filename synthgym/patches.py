"""Where random sounds come from: numbered streams of audible patches.

Item i of a stream is a pure function of (seed, stream, i): whoever makes it, in whatever batch or
process, gets the same patch. Streams never meet: they differ in the spawn key of their seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import one_of
from synthgym.errors import SynthError, SynthgymError
from synthgym.parameters import ParameterSpace, Unit
from synthgym.rendering import Rendered, Worker
from synthgym.synths import Audio

AUDIBLE_PEAK = 10 ** (-44 / 20)
"""A patch is audible if its render peaks at -44 dBFS or above."""

HELD_OUT = 1000
"""How many items the test stream has."""


def audible(sound: Audio) -> bool:
    """Return whether a sound (samples,) can be heard."""
    return bool(max(sound.max(), -sound.min()) >= AUDIBLE_PEAK)


Stream = Literal["train", "validation", "start", "pool", "dataset"]
STREAMS = ("train", "validation", "test", "start", "pool", "dataset")

# Fixed, so that every agent ever evaluated meets the same test targets, and none trains on them.
_TEST_SEED = 20_260_101
_MOST_DRAWS = 10_000
_BLOCK = 8  # patches drawn at once; the accepted one is the same whatever it is


class Item(NamedTuple):
    """One item of one stream: what its patch is a function of."""

    seed: int
    stream: int
    number: int

    def generator(self) -> np.random.Generator:
        """Return the generator that the patch is drawn with."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=self[1:]))


class PatchStream:
    """One stream of uniformly random patches, the inaudible ones rejected.

    Args:
        stream: ``train``, ``validation``, ``start``, ``pool`` or ``dataset``.
        seed: any whole number from 0.
    """

    def __init__(self, stream: Stream, seed: int) -> None:
        one_of("stream of patches", stream, (s for s in STREAMS if s != "test"))
        self._stream, self._seed = STREAMS.index(stream), seed

    def items(self, numbers: Iterable[int]) -> list[Item]:
        """Return items by number, for ``SoundMatchingTask.draw`` to make."""
        return [Item(self._seed, self._stream, number) for number in numbers]


class HeldOutStream(PatchStream):
    """The 1,000 items of the test stream, for evaluation only. Nothing changes its seed."""

    def __init__(self) -> None:
        self._stream, self._seed = STREAMS.index("test"), _TEST_SEED

    def items(self, numbers: Iterable[int]) -> list[Item]:
        """Return items by number; SynthgymError beyond the last."""
        numbers = list(numbers)
        if not all(0 <= number < HELD_OUT for number in numbers):
            raise SynthgymError(f"the test stream has items 0 to {HELD_OUT - 1}; ask for fewer targets")
        return super().items(numbers)


@dataclass(frozen=True)
class Patches:
    """Audible patches that were found for items.

    Attributes:
        unit: quantised unit vectors (B, n).
        heard: what they sound like.
        renders: how many sounds each item cost, the rejected ones included, (B,).
    """

    unit: Unit
    rendered: Rendered
    renders: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several as one, in their order."""
        return cls(
            np.concatenate([part.unit for part in parts]),
            Rendered.joined([part.rendered for part in parts]),
            np.concatenate([part.renders for part in parts]),
        )


@dataclass(frozen=True)
class PatchJob:
    """What a worker is asked for: items, and whether their audio is wanted.

    Attributes:
        near: unit vectors (B, n) that the items are variations of; default: any patch.
        jitter: how far from them, see ``ParameterSpace.jitter``.
        pure: which items are the vectors themselves, (B,) bool; if one will not do, it is varied too.
        forbidden: native rows, as bytes, that no item may be.
    """

    items: Sequence[Item]
    audio: bool = False
    near: Unit | None = None
    jitter: float = 0.0
    pure: NDArray[np.bool_] | None = None
    forbidden: frozenset[bytes] = frozenset()

    def candidates(self, space: ParameterSpace) -> list[Iterator[Unit]]:
        """Give, for each item, unit vectors (some, n) without end."""
        generators = [item.generator() for item in self.items]
        if self.near is None:
            # The first of all items at once: a few numbers take as long as many.
            first = space.quantise(
                np.stack([rng.random((_BLOCK, len(space)), np.float32) for rng in generators])
            )
            return [chain([units], _random(space, rng)) for units, rng in zip(first, generators, strict=True)]
        pure = self.pure if self.pure is not None else np.zeros(len(self.near), np.bool_)
        return [
            chain([near[None]] if itself else [], _near(space, near, self.jitter, rng))
            for near, itself, rng in zip(self.near, pure, generators, strict=True)
        ]


def _random(space: ParameterSpace, rng: np.random.Generator) -> Iterator[Unit]:
    while True:
        yield space.sample(rng, _BLOCK)


def _near(space: ParameterSpace, near: Unit, jitter: float, rng: np.random.Generator) -> Iterator[Unit]:
    while True:
        yield space.jitter(near, jitter, rng)[None]


def draw(worker: Worker, job: PatchJob) -> Patches:
    """Find an audible patch for each item.

    Raises:
        SynthError: 10,000 draws in a row are inaudible.
    """
    units: list[Unit] = []
    tries: list[int] = []

    def found() -> Iterator[tuple[Audio, tuple[str, ...]]]:
        for candidates in job.candidates(worker.space):
            unit, renders, sound, failures = _find(worker, job, candidates)
            units.append(unit)
            tries.append(renders)
            yield sound, failures

    rendered = worker.extract(found(), len(job.items), audio=job.audio)
    return Patches(np.stack(units), rendered, np.array(tries))


def _find(
    worker: Worker, job: PatchJob, candidates: Iterable[Unit]
) -> tuple[Unit, int, Audio, tuple[str, ...]]:
    """Return an audible patch for an item, how many were rendered, its sound, and what crashed."""
    space = worker.space
    renders = forbidden = 0
    failures: tuple[str, ...] = ()
    for units in candidates:
        if renders >= _MOST_DRAWS:
            break
        for unit, (sound, crash) in zip(units, worker.sounds(units), strict=True):
            renders += 1
            failures += crash
            if not audible(sound):
                continue
            if job.forbidden and space.to_native(unit).tobytes() in job.forbidden:
                forbidden += 1
                continue
            return unit, renders, sound, failures
    if forbidden:
        raise SynthError(
            f"of {_MOST_DRAWS} random patches none is audible and no test patch; free more parameters"
        )
    raise SynthError(
        f"{_MOST_DRAWS} random patches in a row are inaudible (peak below -44 dBFS); "
        "free or freeze other parameters"
    )
