"""Random streams of audible patches.

Patch i of a stream is a pure function of (seed, stream, i): every worker, batch and process makes the
same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.candidates import BLOCK, human, near, of_presets, uniform
from synthgym.errors import SynthError
from synthgym.notes import Note, Notes
from synthgym.parameters import Unit
from synthgym.rendering import Rendered, Sound, Worker, one_note_each
from synthgym.streams import HELD_OUT as HELD_OUT
from synthgym.streams import STREAMS as STREAMS
from synthgym.streams import HeldOutStream as HeldOutStream
from synthgym.streams import PatchId as PatchId
from synthgym.streams import PatchStream as PatchStream
from synthgym.streams import Stream as Stream
from synthgym.streams import TargetStream as TargetStream
from synthgym.synths.audible import AUDIBLE_PEAK as AUDIBLE_PEAK
from synthgym.synths.audible import audible as audible

MOST_CANDIDATES = 10_000
"""So many candidates are rendered for a patch until it is given up, by default."""
_ROUNDS = 100  # of one candidate of every patch; then patch by patch, so that not all are in vain
_NOTE_KEY = 0  # behind the spawn key of a patch: of its note


@dataclass(frozen=True)
class Patches:
    """Audible patches that were found for items.

    Attributes:
        unit: quantised unit vectors (B, n).
        notes: that they were rendered at, (B, 3), or (B, k, 3) of k notes a patch.
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
        notes: to render them at, (B, 3) or (B, k, 3) (default: each draws one from the synth's).
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
        """Return the notes that the patches are rendered at, (B, 3) or (B, k, 3)."""
        if self.notes is None:
            return notes_of(self.ids, note)
        return note.rows(len(self.ids), self.notes, *self.notes.shape[1:-1])

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


def notes_of(ids: Sequence[PatchId], note: Note, each: int = 1) -> Notes:
    """Return the notes (B, 3) that patches draw from a range; of one note, that note.

    Args:
        ids: of the patches.
        note: fixed, or ranges to draw from.
        each: how many notes each draws, all of them different.

    Returns:
        Float64 (B, 3) or (B, each, 3), of MIDI note, velocity and seconds held.
    """
    if not note.varies:
        return note.rows(len(ids))
    return np.stack([note.draw_several(patch.generator(_NOTE_KEY), each) for patch in ids])


def make_patches(worker: Worker, job: PatchJob) -> Patches:
    """Render candidates for each patch of a job until one is audible.

    Args:
        worker: renders them.
        job: which patches, and where they come from.

    Returns:
        The patches, in the order of the job.

    Raises:
        SynthError: ``most`` candidates in a row are inaudible, at one of their notes or more.
    """
    notes = job.played(worker.synth.note)
    searches = [
        _Search(worker, job, candidates, note)
        for candidates, note in zip(job.candidates(worker), notes, strict=True)
    ]
    found = _found(worker, searches)
    rendered = _extracted(worker, job, found)
    failures = list(rendered.failures)
    # A patch with a feature that is not finite is no better than one that is inaudible.
    failed = list(dict.fromkeys(row for row, _ in rendered.failures))  # at several notes it is one
    while failed:
        for row, one in zip(failed, _found(worker, [searches[row] for row in failed]), strict=True):
            found[row] = one
        again = _extracted(worker, job, [found[row] for row in failed])
        for kept, new in zip(rendered.features, again.features, strict=True):
            kept[failed] = new
        if rendered.audio is not None:
            rendered.audio[failed] = again.audio
        failures += [(failed[i], message) for i, message in again.failures]
        failed = list(dict.fromkeys(failed[i] for i, _ in again.failures))
    failures += [(row, message) for row, one in enumerate(found) for message in one.failures]
    return Patches(
        np.stack([one.unit for one in found]),
        notes,
        replace(rendered, failures=tuple(failures)),
        np.array([one.renders for one in found]),
    )


class _Found(NamedTuple):
    """An audible patch, its sounds, how many renders it took, and the messages of those that failed."""

    unit: Unit
    sounds: tuple[Sound, ...]
    renders: int
    failures: tuple[str, ...]


def _extracted(worker: Worker, job: PatchJob, found: Sequence[_Found]) -> Rendered:
    sounds = [sound for one in found for sound in one.sounds]
    rendered = worker.extract(sounds, len(sounds), audio=job.audio)
    return rendered if job.notes is None else rendered.folded(job.notes[: len(found)])


class _Search:
    """Goes through a patch's candidates until one is audible at its note (3,), or notes (k, 3)."""

    def __init__(
        self, worker: Worker, job: PatchJob, candidates: Iterable[Unit], note: NDArray[np.float64]
    ) -> None:
        self._worker, self._forbidden, self.notes = worker, job.forbidden, np.atleast_2d(note)
        self._most = job.most
        self._candidates: Iterator[Unit] = chain.from_iterable(candidates)
        self._candidates_made = self._forbidden_ones = 0
        self._failures: tuple[str, ...] = ()

    def candidate(self) -> Unit:
        """Return the next candidate (n,); SynthError after the last."""
        if self._candidates_made >= self._most:
            raise SynthError(self._why())
        self._candidates_made += 1
        return next(self._candidates)

    def judge(self, unit: Unit, sounds: tuple[Sound, ...]) -> _Found | None:
        """Return what was found if a candidate is audible, and may be a patch."""
        failed = [sound for sound in sounds if sound.failure is not None]
        self._failures += tuple(self._worker.message(str(sound.failure), sound) for sound in failed)
        if not all(audible(sound.audio) for sound in sounds):
            return None
        if self._forbidden and sounds[0].native.tobytes() in self._forbidden:
            self._forbidden_ones += 1
            return None
        return _Found(unit, sounds, self._candidates_made * len(sounds), self._failures)

    def _why(self) -> str:
        most = f"{self._most} random patches in a row are inaudible"
        if self._failures:
            failed = f"{len(self._failures)} of them because they failed, the last: {self._failures[-1]}"
            return f"{most}, {failed}"
        if self._forbidden_ones:
            most = f"of {self._most} random patches none is audible and no test patch"
            return f"{most}; free more parameters, or give patches='uniform'"
        pitch, velocity, _ = self.notes[0]
        return (
            f"{most} at note {pitch:g}, velocity {velocity:g} (peak below -44 dBFS); "
            "free or freeze other parameters, or play other notes, or louder"
        )


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
        notes = np.stack([search.notes for search in searching])
        sounds = iter(worker.sounds(*one_note_each(units, notes)))
        for search, unit, heard in zip(
            searching, units, zip(*[sounds] * notes.shape[1], strict=True), strict=True
        ):
            if one := search.judge(unit, heard):
                # Copies, since a sound is a row of its batch, and would keep the others.
                if len(searching) > 1:
                    one = one._replace(sounds=tuple(s._replace(audio=s.audio.copy()) for s in heard))
                found[search] = one
    return [found[search] for search in searches]
