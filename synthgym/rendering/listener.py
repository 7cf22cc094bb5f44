"""Where audio is made, features are heard: a synth with ears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import PluginCrashed
from synthgym.features import Feature, Features, extract
from synthgym.parameters import ParameterSpace, Unit
from synthgym.synths import Audio, Synth

MOST_CRASHES = 5
"""So many patches in a row that crash a plugin are the plugin's fault, and an error."""


@dataclass(frozen=True)
class Heard:
    """What was heard of B sounds.

    Attributes:
        features: for each of the listener's features, (B, frames, bins).
        audio: (B, samples), or None if nobody asked for it.
        crashes: what became of patches that crashed their plugin and were taken for silence.
    """

    features: tuple[Features, ...]
    audio: Audio | None = None
    crashes: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several as one, in their order."""
        if len(parts) == 1:
            return parts[0]
        by_feature = zip(*(part.features for part in parts), strict=True)
        features = tuple(np.concatenate(same) for same in by_feature)
        sounds = [part.audio for part in parts if part.audio is not None]
        crashes = tuple(chain.from_iterable(part.crashes for part in parts))
        return cls(features, np.concatenate(sounds) if sounds else None, crashes)


class Listener:
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

    def do(self, work: Callable[[Listener, Any], Any], job: Any) -> Any:
        """Return ``work(self, job)``: how a renderer calls a listener in another process."""
        return work(self, job)

    def sounds(self, unit: Unit) -> Iterator[tuple[Audio, tuple[str, ...]]]:
        """Render unit vectors (B, n) one by one: audio (samples,), and what crashed, if it did."""
        synth = self.synth
        for code in synth.encode(self.space.to_native(unit)):
            try:
                sound = synth.play(code) * synth.gain
            except PluginCrashed as error:
                self._crashes_in_a_row += 1
                if self._crashes_in_a_row == MOST_CRASHES:
                    raise
                yield np.zeros(synth.samples, np.float32), (f"{error}; taken for silence",)
            else:
                self._crashes_in_a_row = 0
                yield sound, ()

    def hear(self, unit: Unit, *, audio: bool = False) -> Heard:
        """Render unit vectors (B, n) and extract features; give the audio too if it is asked for."""
        features = self.blank(len(unit))
        sounds = np.empty((len(unit) if audio else 0, self.synth.samples), np.float32)
        crashes: tuple[str, ...] = ()
        for i, (sound, crash) in enumerate(self.sounds(unit)):
            crashes += crash
            for all_heard, heard in zip(features, extract(self.features, sound[None]), strict=True):
                all_heard[i] = heard[0]
            if audio:
                sounds[i] = sound
        return Heard(features, sounds if audio else None, crashes)

    def blank(self, count: int) -> tuple[NDArray[np.float32], ...]:
        """Return room for the features of so many sounds."""
        return tuple(np.zeros((count, *feature.shape), np.float32) for feature in self.features)
