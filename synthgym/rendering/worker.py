"""The worker: it renders unit vectors and extracts the features of what they sound like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import PluginCrashed
from synthgym.features import Feature, Features, extract
from synthgym.notes import NOTE, Note, Notes
from synthgym.parameters import Native, ParameterSpace, Unit
from synthgym.synths import Audio, Synth

MOST_CRASHES = 5
"""A plugin that crashes with so many patches in a row is at fault itself, which is an error."""
LOUDEST = 1e6
"""A sound that peaks higher (+120 dBFS) has overflowed: the power of its spectrum need not fit float32."""
BLOCK = 8
"""Sounds whose features a processor extracts together: one at a time costs more, and many more memory."""


class Sound(NamedTuple):
    """A rendered sound.

    Attributes:
        audio: (samples,).
        native: the native row that was rendered (all parameters,).
        note: that was played (3,).
        failure: why it is silence, if its render failed.
    """

    audio: Audio
    native: Native
    note: Notes
    failure: str | None


@dataclass(frozen=True)
class Rendered:
    """A batch of B sounds, or of B patches at several notes, of which ``folded`` says the shapes.

    Attributes:
        features: for each of the worker's features, (B, frames, bins); always finite.
        audio: (B, samples), or None if nobody asked for it.
        failures: the renders that failed, as (row, message): the plugin crashed, or the sound or a feature
            of it was not finite. They are silence.
    """

    features: tuple[Features, ...]
    audio: Audio | None = None
    failures: tuple[tuple[int, str], ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several as one, in their order."""
        if len(parts) == 1:
            return parts[0]
        by_feature = zip(*(part.features for part in parts), strict=True)
        features = tuple(np.concatenate(same) for same in by_feature)
        sounds = [part.audio for part in parts if part.audio is not None]
        starts = np.cumsum([0, *(len(part.features[0]) for part in parts)]).tolist()
        failures = tuple(
            (start + row, said)
            for start, part in zip(starts, parts, strict=False)
            for row, said in part.failures
        )
        return cls(features, np.concatenate(sounds) if sounds else None, failures)

    def folded(self, like: NDArray[Any]) -> Rendered:
        """Return sounds that lie side by side as those of patches at several notes.

        Features are (B, each, frames, bins) then, and audio (B, each, samples).

        Args:
            like: an array (B, each, values), such as the notes; for (B, values) all is as it was.
        """
        if like.ndim == 2:
            return self
        count, each, _ = like.shape
        audio = None if self.audio is None else self.audio.reshape(count, each, -1)
        features = tuple(one.reshape(count, each, *one.shape[1:]) for one in self.features)
        return Rendered(features, audio, tuple((row // each, said) for row, said in self.failures))

    def rows(self, which: Sequence[int] | NDArray[np.int64]) -> Rendered:
        """Return some of the sounds, in the order in which their rows are given."""
        audio = None if self.audio is None else self.audio[which]
        failures = tuple(
            (i, said) for i, row in enumerate(which) for failed, said in self.failures if failed == row
        )
        return Rendered(tuple(each[which] for each in self.features), audio, failures)


class Worker:
    """A synth, the parameters of it that may be set, and the features that are extracted from its sounds.

    What is not finite, in audio or features and whoever wrote the synth or the feature, is silence: the
    worst sound there is. So is a patch that crashes its plugin twice; the fifth of those in a row raises
    PluginCrashed. One thread at a time may use a worker.

    Args:
        synth: renders.
        space: says which parameters a unit vector sets.
        features: are extracted from every sound.

    Attributes:
        together: sounds whose features are extracted together.
    """

    together = BLOCK

    def __init__(self, synth: Synth, space: ParameterSpace, features: Sequence[Feature]) -> None:
        self.synth, self.space, self.features = synth, space, tuple(features)
        self._crashes_in_a_row = 0
        # Kept, as new memory costs more than what is done with it.
        self._block = np.zeros((self.together, synth.samples), np.float32)

    @property
    def note(self) -> Note:
        """What the synth plays: one note, or a range of notes."""
        return self.synth.note

    def do(self, work: Callable[[Worker, Any], Any], job: Any) -> Any:
        """Return ``work(self, job)``: how a renderer calls a worker in another process.

        Args:
            work: called with this worker and the job.
            job: anything that ``work`` takes.

        Returns:
            What ``work`` returns.
        """
        return work(self, job)

    def sounds(self, unit: Unit, notes: Notes) -> Iterator[Sound]:
        """Render unit vectors (B, n) at notes (B, 3), as many at once as suits the synth, when asked for.

        Args:
            unit: float32 in [0, 1].
            notes: float64; MIDI note, velocity and seconds held.

        Returns:
            Sounds in the order of the rows; silence, with the cause, for a render that failed.
        """
        return self.sounds_of(self.space.to_native(unit), notes)

    def sounds_of(self, native: Native, notes: Notes) -> Iterator[Sound]:
        """As ``sounds``, of native rows (B, all parameters).

        Args:
            native: float64.
            notes: float64 (B, 3).

        Returns:
            As ``sounds`` does.
        """
        for at in range(0, len(native), self.synth.batch):
            rows, played = native[at : at + self.synth.batch], notes[at : at + self.synth.batch]
            try:
                sounds = self.synth.render(rows, played)
            except PluginCrashed as error:
                self._crashes_in_a_row += 1
                if self._crashes_in_a_row >= MOST_CRASHES:
                    raise
                for row, note in zip(rows, played, strict=True):
                    yield Sound(self._silence(), row, note, str(error))
                continue
            self._crashes_in_a_row = 0
            for row, note, audio in zip(rows, played, sounds, strict=True):
                if usable(audio):
                    yield Sound(audio, row, note, None)
                else:
                    yield Sound(self._silence(), row, note, "the synth rendered audio that is not finite")

    def render(self, unit: Unit, notes: Notes, *, audio: bool = False) -> Rendered:
        """Render unit vectors (B, n) at notes (B, 3), or each at several, and extract their features.

        The audio is returned too if it is asked for.

        Args:
            unit: float32 in [0, 1].
            notes: float64 (B, 3) or (B, each, 3); MIDI note, velocity and seconds held.
            audio: whether to return it.

        Returns:
            Features (B, frames, bins) each, audio (B, samples) or None, and failures by row; of several notes
            folded, see ``Rendered``.
        """
        units, played = one_note_each(unit, notes)
        return self._rendered(units, played, audio=audio).folded(notes)

    def _rendered(self, unit: Unit, notes: Notes, *, audio: bool) -> Rendered:
        """As ``render``, at notes (B, 3)."""
        return self.extract(self.sounds(unit, notes), len(unit), audio=audio)

    def extract(self, sounds: Iterable[Sound], count: int, *, audio: bool = False) -> Rendered:
        """Return the features of ``count`` sounds, which come as from ``sounds``.

        Args:
            sounds: ``count`` of them; a generator is read only once.
            count: how many there are, 1 or more.
            audio: whether to keep it.

        Returns:
            Features (count, frames, bins) each, audio (count, samples) or None, and failures by row.
        """
        kept = np.empty((count, self.synth.samples), np.float32) if audio else None
        parts: list[list[Features]] = []
        failures: list[tuple[int, str]] = []
        rows: list[Sound] = []
        for i, sound in enumerate(sounds):
            place = i % self.together
            self._block[place] = sound.audio
            rows.append(sound)
            if kept is not None:
                kept[i] = sound.audio
            if sound.failure is not None:
                failures.append((i, self.message(sound.failure, sound)))
            if place == self.together - 1 or i == count - 1:
                part = self._extracted(self._block[: place + 1])
                for failed in (i - place + row for row in silence_failures(part)):
                    # A feature may be at fault with the silence that a failed render is, too.
                    if rows[failed].failure is None:
                        message = self.message("a feature is not finite", rows[failed])
                        failures.append((failed, message))
                    if kept is not None:
                        kept[failed] = 0
                parts.append(part)
        return Rendered(tuple(map(np.concatenate, zip(*parts, strict=True))), kept, tuple(failures))

    def _extracted(self, audio: Audio) -> list[Features]:
        """Return the features of audio (B, samples)."""
        return extract(self.features, audio)

    def _silence(self) -> Audio:
        return np.zeros(self.synth.samples, np.float32)

    def message(self, failure: str, sound: Sound) -> str:
        """Return the warning of a failed render, which names the parameters that were set.

        Args:
            failure: what went wrong.
            sound: the sound, whose free parameters and varying notes are named.

        Returns:
            One line.
        """
        free = {p.name for p in self.space.free}
        settings = ", ".join(
            f"{p.name}={p.text(value)}"
            for p, value in zip(self.space.parameters, sound.native, strict=True)
            if p.name in free
        )
        played = "".join(f"{NOTE[i]}={sound.note[i]:g}, " for i in self.note.varies)
        return f"{failure}; taken for silence: {played}{settings}"


def one_note_each(rows: Native | Unit, notes: Notes) -> tuple[Any, Notes]:
    """Return rows (B, n) so often as each has notes (B, each, 3), and the notes (B each, 3), side by side.

    Args:
        rows: of parameters.
        notes: (B, 3), of which all is as it was, or (B, each, 3).

    Returns:
        As many rows as notes.
    """
    if notes.ndim == 2:
        return rows, notes
    return np.repeat(rows, notes.shape[1], axis=0), notes.reshape(-1, notes.shape[2])


def usable(audio: Audio) -> bool:
    """Return whether a sound (samples,) is finite and its spectrum will be."""
    return bool(max(audio.max(), -audio.min()) <= LOUDEST)  # NaN is not


def silence_failures(features: Sequence[Features]) -> list[int]:
    """Set the features (B, ...) of sounds to zero where any of them is not finite; return their rows."""
    finite = np.all([np.isfinite(each).reshape(len(each), -1).all(axis=1) for each in features], axis=0)
    rows: list[int] = np.flatnonzero(~finite).tolist()
    for each in features:
        each[rows] = 0
    return rows
