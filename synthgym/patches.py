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

from synthgym.candidates import BLOCK, human, near, of_presets, uniform
from synthgym.checks import one_of
from synthgym.errors import SynthError, SynthgymError
from synthgym.notes import Note, Notes
from synthgym.parameters import Unit
from synthgym.rendering import Rendered, Sound, Worker
from synthgym.synths.audible import AUDIBLE_PEAK as AUDIBLE_PEAK
from synthgym.synths.audible import audible as audible

HELD_OUT = 1000
"""How many patches the test stream has."""


Stream = Literal["train", "validation", "start", "pool", "dataset"]
TargetStream = Literal["train", "validation"]
STREAMS = ("train", "validation", "test", "start", "pool", "dataset")

# Fixed, so that every agent ever evaluated meets the same test targets, and none trains on them.
_TEST_SEED = 20_260_101
MOST_CANDIDATES = 10_000
"""So many candidates are rendered for a patch until it is given up, by default."""
_ROUNDS = 100  # of one candidate of every patch; then patch by patch, so that not all are in vain
_NOTE_KEY = 0  # behind the spawn key of a patch: of its note


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


@dataclass(frozen=True)
class Patches:
    """Audible patches that were found for items.

    Attributes:
        unit: quantised unit vectors (B, n).
        notes: that they were rendered at (B, 3).
        rendered: their features, and their audio if it was asked for.
        renders: how many sounds each item cost, the rejected ones included, (B,).
    """

    unit: Unit
    notes: Notes
    rendered: Rendered
    renders: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several as one, in their order."""
        return cls(
            np.concatenate([part.unit for part in parts]),
            np.concatenate([part.notes for part in parts]),
            Rendered.joined([part.rendered for part in parts]),
            np.concatenate([part.renders for part in parts]),
        )


@dataclass(frozen=True)
class PatchJob:
    """A batch of patches for a worker to make.

    Attributes:
        ids: of the patches.
        audio: whether their audio is wanted.
        notes: to render them at, (B, 3) (default: each draws its own from the synth's).
        human: whether they are such as people make, see ``Synth.human_like``, and not uniformly random.
        among: for each patch, the presets (P, n) that it is a variation of: of one, or of two crossed.
        near: unit vectors (B, n) that the patches are variations of (default: they are random).
        jitter: how far the variations are from them, see ``ParameterSpace.jitter``.
        pure: which patches are the vectors themselves, (B,) bool; one that cannot be used is varied too.
        forbidden: native rows, as bytes, that no patch may have.
        most: candidates for a patch; if all are inaudible it is an error.
    """

    ids: Sequence[PatchId]
    audio: bool = False
    notes: Notes | None = None
    human: bool = False
    among: Sequence[Unit] | None = None
    near: Unit | None = None
    jitter: float = 0.0
    pure: NDArray[np.bool_] | None = None
    forbidden: frozenset[bytes] = frozenset()
    most: int = MOST_CANDIDATES

    def played(self, note: Note) -> Notes:
        """Return the notes that the patches are rendered at, (B, 3)."""
        return notes_of(self.ids, note) if self.notes is None else note.rows(len(self.ids), self.notes)

    def candidates(self, worker: Worker) -> list[Iterator[Unit]]:
        """Return, for each patch, an endless iterator of candidates (some, n)."""
        space = worker.space
        generators = [patch.generator() for patch in self.ids]
        if self.among is not None:
            pairs = zip(self.among, generators, strict=True)
            return [of_presets(space, presets, rng) for presets, rng in pairs]
        if self.human:
            # The first of all patches at once: one voice takes nearly as long as many.
            first = space.quantise(space.to_unit(worker.synth.human_like(generators)))
            return [
                chain([unit[None]], human(worker, rng)) for unit, rng in zip(first, generators, strict=True)
            ]
        if self.near is None:
            # The first candidates of all patches at once: a few numbers take as long as many.
            first = space.quantise(
                np.stack([rng.random((BLOCK, len(space)), np.float32) for rng in generators])
            )
            return [chain([units], uniform(space, rng)) for units, rng in zip(first, generators, strict=True)]
        pure = self.pure if self.pure is not None else np.zeros(len(self.near), np.bool_)
        return [
            chain([unit[None]] if itself else [], near(space, unit, self.jitter, rng))
            for unit, itself, rng in zip(self.near, pure, generators, strict=True)
        ]


def notes_of(ids: Sequence[PatchId], note: Note) -> Notes:
    """Return the notes (B, 3) that patches draw from a range; of one note, that note.

    Args:
        ids: of the patches.
        note: fixed, or ranges to draw from.

    Returns:
        Float64 (B, 3), of MIDI note, velocity and seconds held.
    """
    if not note.varies:
        return note.rows(len(ids))
    return np.stack([note.draw(patch.generator(_NOTE_KEY)) for patch in ids])


def make_patches(worker: Worker, job: PatchJob) -> Patches:
    """Render candidates for each patch of a job until one is audible.

    Args:
        worker: renders them.
        job: which patches, and where they come from.

    Returns:
        The patches, in the order of the job.

    Raises:
        SynthError: ``most`` candidates in a row are inaudible.
    """
    notes = job.played(worker.synth.note)
    searches = [
        _Search(worker, job, candidates, note)
        for candidates, note in zip(job.candidates(worker), notes, strict=True)
    ]
    found = _found(worker, searches)
    rendered = worker.extract((one.sound for one in found), len(found), audio=job.audio)
    failures = list(rendered.failures)
    # A patch with a feature that is not finite is no better than one that is inaudible.
    failed = [row for row, _ in rendered.failures]
    while failed:
        for row, one in zip(failed, _found(worker, [searches[row] for row in failed]), strict=True):
            found[row] = one
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
        notes,
        replace(rendered, failures=tuple(failures)),
        np.array([one.renders for one in found]),
    )


class _Found(NamedTuple):
    """An audible patch, how many candidates were rendered, and the messages of those that failed."""

    unit: Unit
    sound: Sound
    renders: int
    failures: tuple[str, ...]


class _Search:
    """Goes through a patch's candidates until one is audible at its note (3,)."""

    def __init__(
        self, worker: Worker, job: PatchJob, candidates: Iterable[Unit], note: NDArray[np.float64]
    ) -> None:
        self._worker, self._forbidden, self._most, self.note = worker, job.forbidden, job.most, note
        self._candidates: Iterator[Unit] = chain.from_iterable(candidates)
        self._renders = self._forbidden_ones = 0
        self._failures: tuple[str, ...] = ()

    def candidate(self) -> Unit:
        """Return the next candidate (n,); SynthError after the last."""
        if self._renders >= self._most:
            raise SynthError(self._why())
        self._renders += 1
        return next(self._candidates)

    def judge(self, unit: Unit, sound: Sound) -> _Found | None:
        """Return what was found if a candidate is audible, and may be a patch."""
        if sound.failure is not None:
            self._failures += (self._worker.message(sound.failure, sound),)
        if not audible(sound.audio):
            return None
        if self._forbidden and sound.native.tobytes() in self._forbidden:
            self._forbidden_ones += 1
            return None
        return _Found(unit, sound, self._renders, self._failures)

    def _why(self) -> str:
        most = f"{self._most} random patches in a row are inaudible"
        if self._failures:
            failed = f"{len(self._failures)} of them because they failed, the last: {self._failures[-1]}"
            return f"{most}, {failed}"
        if self._forbidden_ones:
            most = f"of {self._most} random patches none is audible and no test patch"
            return f"{most}; free more parameters, or give patches='uniform'"
        return f"{most} (peak below -44 dBFS); free or freeze other parameters"


def _found(worker: Worker, searches: Sequence[_Search]) -> list[_Found]:
    """Return what searches find next.

    Of a synth that renders several rows at once, one candidate of each search is rendered, then one of each
    that goes on. Of others, and where candidates are hardly ever audible, searches go one after the other.
    """
    found: dict[_Search, _Found] = {}
    rounds = 0
    while searching := [search for search in searches if search not in found]:
        if worker.synth.batch == 1 or rounds >= _ROUNDS:
            searching = searching[:1]
        rounds += 1
        units = np.stack([search.candidate() for search in searching])
        notes = np.stack([search.note for search in searching])
        for search, unit, sound in zip(searching, units, worker.sounds(units, notes), strict=True):
            if one := search.judge(unit, sound):
                # A copy, since a sound is a row of its batch, and would keep the others.
                audio = sound.audio if len(searching) == 1 else sound.audio.copy()
                found[search] = one._replace(sound=sound._replace(audio=audio))
    return [found[search] for search in searches]
