"""Where audio is made, features are heard: a synth with ears."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from synthgym.errors import PluginCrashed
from synthgym.features import Feature, Features, extract
from synthgym.parameters import ParameterSpace, Unit
from synthgym.synths import Audio, Synth

MOST_CRASHES = 5
"""So many patches in a row that crash a plugin are the plugin's fault, and an error."""
BLOCK = 8
"""Sounds whose features are extracted together: one at a time costs more, and many more memory."""


@dataclass(frozen=True)
class Rendered:
    """What was heard of B sounds.

    Attributes:
        features: for each of the listener's features, (B, frames, bins).
        audio: (B, samples), or None if nobody asked for it.
        crashes: which of them crashed their plugin and were taken for silence, and what is to be said.
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


class Worker:
    """A synth, the parameters of it that may be set, and the features by which it is heard.

    A patch that crashes its plugin twice is heard as silence; the fifth in a row raises PluginCrashed.
    One thread at a time may use it.

    Args:
        synth: renders.
        space: says which parameters a unit vector sets.
        features: are extracted from every sound.
    """

    def __init__(self, synth: Synth, space: ParameterSpace, features: Sequence[Feature]) -> None:
        self.synth, self.space, self.features = synth, space, tuple(features)
        self._crashes_in_a_row = 0
        # Kept, as new memory costs more than what is done with it.
        self._sound = np.zeros(synth.samples, np.float32)
        self._block = np.zeros((BLOCK, synth.samples), np.float32)

    def do(self, work: Callable[[Worker, Any], Any], job: Any) -> Any:
        """Return ``work(self, job)``: how a renderer calls a listener in another process."""
        return work(self, job)

    def sounds(self, unit: Unit) -> Iterator[tuple[Audio, tuple[str, ...]]]:
        """Render unit vectors (B, n) one by one: audio (samples,), and what crashed, if it did.

        Each sound overwrites the one before.
        """
        synth, sound = self.synth, self._sound
        for code in synth.encode(self.space.to_native(unit)):
            try:
                np.multiply(synth.play(code), synth.gain, out=sound)
            except PluginCrashed as error:
                self._crashes_in_a_row += 1
                if self._crashes_in_a_row >= MOST_CRASHES:
                    raise
                sound[:] = 0
                yield sound, (f"{error}; taken for silence",)
            else:
                self._crashes_in_a_row = 0
                yield sound, ()

    def render(self, unit: Unit, *, audio: bool = False) -> Rendered:
        """Render unit vectors (B, n) and extract features; give the audio too if it is asked for."""
        return self.extract(self.sounds(unit), len(unit), audio=audio)

    def extract(
        self, sounds: Iterable[tuple[Audio, tuple[str, ...]]], count: int, *, audio: bool
    ) -> Rendered:
        """Return what is heard of ``count`` sounds, which come as from ``sounds``."""
        kept = np.empty((count, self.synth.samples), np.float32) if audio else None
        rendered: list[list[Features]] = []
        failures: list[tuple[int, str]] = []
        for i, (sound, crash) in enumerate(sounds):
            place = i % BLOCK
            self._block[place] = sound
            if kept is not None:
                kept[i] = sound
            if place == BLOCK - 1 or i == count - 1:
                rendered.append(extract(self.features, self._block[: place + 1]))
            failures.extend((i, said) for said in crash)
        return Rendered(tuple(map(np.concatenate, zip(*rendered, strict=True))), kept, tuple(failures))
