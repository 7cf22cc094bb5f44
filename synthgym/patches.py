"""Random streams of audible patches.

Patch i of a stream is a pure function of (seed, stream, i): every worker, batch and process makes the
same one. Streams never meet, since they differ in the spawn key of their seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import one_of
from synthgym.errors import SynthError, SynthgymError
from synthgym.parameters import ParameterSpace, Unit
from synthgym.rendering import Rendered, Sound, Worker
from synthgym.synths import Audio

AUDIBLE_PEAK = 10 ** (-44 / 20)
"""A patch is audible if its render peaks at -44 dBFS or above."""

HELD_OUT = 1000
"""How many patches the test stream has."""


def audible(sound: Audio) -> bool:
    """Return whether a sound (samples,) is audible."""
    return bool(max(sound.max(), -sound.min()) >= AUDIBLE_PEAK)


Stream = Literal["train", "validation", "start", "pool", "dataset"]
TargetStream = Literal["train", "validation"]
STREAMS = ("train", "validation", "test", "start", "pool", "dataset")

# Fixed, so that every agent ever evaluated meets the same test targets, and none trains on them.
_TEST_SEED = 20_260_101
_MOST_CANDIDATES = 10_000
_BLOCK = 8  # candidates made at once; the accepted one does not depend on it


class PatchId(NamedTuple):
    """What a patch is a function of: a seed, a stream, and its number in that stream."""

    seed: int
    stream: int
    number: int

    def generator(self) -> np.random.Generator:
        """Return the generator that the patch is made with."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=self[1:]))


class PatchStream:
    """A stream of uniformly random patches, from which the inaudible ones are rejected.

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


@dataclass(frozen=True)
class Patches:
    """Audible patches that were found for items.

    Attributes:
        unit: quantised unit vectors (B, n).
        rendered: their features, and their audio if it was asked for.
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
    """A batch of patches for a worker to make.

    Attributes:
        ids: of the patches.
        audio: whether their audio is wanted.
        near: unit vectors (B, n) that the patches are variations of (default: they are uniformly random).
        jitter: how far the variations are from them, see ``ParameterSpace.jitter``.
        pure: which patches are the vectors themselves, (B,) bool; one that cannot be used is varied too.
        forbidden: native rows, as bytes, that no patch may have.
    """

    ids: Sequence[PatchId]
    audio: bool = False
    near: Unit | None = None
    jitter: float = 0.0
    pure: NDArray[np.bool_] | None = None
    forbidden: frozenset[bytes] = frozenset()

    def candidates(self, space: ParameterSpace) -> list[Iterator[Unit]]:
        """Return, for each patch, an endless iterator of candidates (some, n)."""
        generators = [patch.generator() for patch in self.ids]
        if self.near is None:
            # The first candidates of all patches at once: a few numbers take as long as many.
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


def make_patches(worker: Worker, job: PatchJob) -> Patches:
    """Render candidates for each patch of a job until one is audible.

    Raises:
        SynthError: 10,000 candidates in a row are inaudible.
    """
    searches = [_audible(worker, job, candidates) for candidates in job.candidates(worker.space)]
    found: list[_Found] = []

    def sounds() -> Iterator[Sound]:
        for search in searches:
            found.append(next(search))
            yield found[-1].sound

    rendered = worker.extract(sounds(), len(searches), audio=job.audio)
    failures = list(rendered.failures)
    # A patch with a feature that is not finite is no better than one that is inaudible.
    failed = [row for row, _ in rendered.failures]
    while failed:
        for row in failed:
            found[row] = next(searches[row])
        again = worker.extract((found[row].sound for row in failed), len(failed), audio=job.audio)
        for kept, new in zip(rendered.features, again.features, strict=True):
            kept[failed] = new
        if rendered.audio is not None:
            rendered.audio[failed] = again.audio
        failures += [(failed[i], message) for i, message in again.failures]
        failed = [failed[i] for i, _ in again.failures]
    failures += [(row, message) for row, one in enumerate(found) for message in one.failures]
    return Patches(
        np.stack([one.unit for one in found]),
        replace(rendered, failures=tuple(failures)),
        np.array([one.renders for one in found]),
    )


class _Found(NamedTuple):
    """An audible patch, how many candidates were rendered, and the messages of those that failed."""

    unit: Unit
    sound: Sound
    renders: int
    failures: tuple[str, ...]


def _audible(worker: Worker, job: PatchJob, candidates: Iterable[Unit]) -> Iterator[_Found]:
    """Yield the audible patches among candidates, one after the other."""
    renders = forbidden = 0
    failures: tuple[str, ...] = ()
    for units in candidates:
        if renders >= _MOST_CANDIDATES:
            break
        for unit, sound in zip(units, worker.sounds(units), strict=True):
            renders += 1
            if sound.failure is not None:
                failures += (worker.message(sound.failure, sound.native),)
            if not audible(sound.audio):
                continue
            if job.forbidden and sound.native.tobytes() in job.forbidden:
                forbidden += 1
                continue
            yield _Found(unit, sound, renders, failures)
    if failures:
        raise SynthError(
            f"{_MOST_CANDIDATES} random patches in a row are inaudible, {len(failures)} of them because they "
            f"failed, the last: {failures[-1]}"
        )
    if forbidden:
        raise SynthError(
            f"of {_MOST_CANDIDATES} random patches none is audible and no test patch; free more parameters"
        )
    raise SynthError(
        f"{_MOST_CANDIDATES} random patches in a row are inaudible (peak below -44 dBFS); "
        "free or freeze other parameters"
    )


class EpisodeStreams:
    """The random targets and starts of episodes: episode i after a seed has patch i of both streams.

    Args:
        count: of environments.
        targets: name of the stream of targets.
    """

    def __init__(self, count: int, targets: TargetStream) -> None:
        self._stream: TargetStream = targets
        self._patches: dict[int, tuple[PatchStream, PatchStream]] = {}
        self._number = np.full(count, -1)

    def seed(self, row: int, seed: int) -> None:
        """Let the next episode of an environment be the first of a seed."""
        self._patches[row] = PatchStream(self._stream, seed), PatchStream("start", seed)
        self._number[row] = -1

    def seeded(self, row: int) -> bool:
        """Whether an environment has a seed."""
        return row in self._patches

    def begun(self, row: int) -> bool:
        """Whether an episode of an environment's seed has begun."""
        return bool(self._number[row] >= 0)

    def targets(self, rows: Sequence[int]) -> list[PatchId]:
        """Return the targets of the next episodes."""
        return self._next(0, rows)

    def starts(self, rows: Sequence[int]) -> list[PatchId]:
        """Return the starts of the next episodes."""
        return self._next(1, rows)

    def advance(self, rows: Sequence[int]) -> None:
        """Go on to the episodes after those."""
        self._number[rows] += 1

    def _next(self, which: int, rows: Sequence[int]) -> list[PatchId]:
        return [
            patch for row in rows for patch in self._patches[row][which].ids([int(self._number[row]) + 1])
        ]
