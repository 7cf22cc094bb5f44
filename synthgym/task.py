"""The one path from parameters to a distance, and the one place where renders are counted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synthgym.errors import PluginCrashed
from synthgym.features import Features, distance, make_feature
from synthgym.parameters import Native, Unit
from synthgym.synths import Audio, make_synth

MOST_CRASHES = 5
"""So many patches in a row that crash a plugin are the plugin's fault, and an error."""


class SoundMatchingTask:
    """A synth, the parameters of it that may be set, and the feature by which sounds are compared.

    Args:
        synth: name of the synth.
        feature: name of the feature.
        parameters: names of the parameters to leave free (default: those the synth offers).
        frozen: native values (or labels) by name of parameters to hold.
        **synth_options: what the synth takes.

    Attributes:
        renders: how many sounds ``render`` has made; set it to 0 when a new target is known.
        renders_ever: how many sounds were made in all, targets included.

    A patch that crashes its plugin twice is heard as silence, with a warning; the fifth in a row raises
    PluginCrashed.

    Not for use by several threads at once: give each a task of its own.
    """

    def __init__(
        self,
        synth: str,
        *,
        feature: str = "logmel",
        parameters: Sequence[str] | None = None,
        frozen: Mapping[str, float | str] | None = None,
        **synth_options: Any,
    ) -> None:
        self.synth = make_synth(synth, **synth_options)
        space = self.synth.space
        if parameters is not None:
            space = space.only(parameters)
        self.space = space.freeze(frozen) if frozen else space
        self.feature = make_feature(feature, self.synth.sample_rate, self.synth.samples)
        self.renders = self.renders_ever = self._crashes = 0

    def noise_floor(self) -> float:
        """Return how far equal patches are heard from each other at most; 0 if the synth is repeatable.

        Measured with three random patches, each rendered three times.
        """
        if self.synth.repeatable:
            return 0.0
        rng = np.random.default_rng(0)
        unit = np.stack([self.space.sample(rng) for _ in range(3)])
        heard = [self.feature(self.render_uncounted(unit)) for _ in range(3)]
        return max(float(distance(a, b).max()) for a, b in combinations(heard, 2))

    def render(self, unit: ArrayLike) -> Audio:
        """Return audio (B, samples) of unit vectors (B, n), and count the renders."""
        audio = self.render_uncounted(unit)
        self.renders += len(audio)
        return audio

    def render_uncounted(self, unit: ArrayLike) -> Audio:
        """Return audio (B, samples) of unit vectors (B, n): for targets, which nobody pays for."""
        native = self.space.to_native(unit)
        self.renders_ever += len(native)
        try:
            audio = self.synth.render(native)
        except PluginCrashed:
            return np.concatenate([self._render_or_silence(row[None]) for row in native])
        self._crashes = 0
        return audio

    def _render_or_silence(self, native: Native) -> Audio:
        """Render one row; a patch that its plugin cannot bear is heard as silence, with a warning."""
        try:
            audio = self.synth.render(native)
        except PluginCrashed as error:
            self._crashes += 1
            if self._crashes == MOST_CRASHES:
                raise
            warnings.warn(f"{error}; taken for silence", stacklevel=2)
            return np.zeros((1, self.synth.samples), np.float32)
        self._crashes = 0
        return audio

    def hear(self, unit: Unit) -> Features:
        """Return features (B, frames, bins) of the sounds of unit vectors (B, n); counts renders."""
        return self.feature(self.render(unit))
