"""What happens in an episode: one target, and the sounds that are made for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgym.features import Features
from synthgym.parameters import Unit
from synthgym.synths import Audio


@dataclass(frozen=True)
class Sound:
    """A sound that was made for the target.

    Attributes:
        unit: unit values of its parameters, unquantised, (n,).
        audio: (samples,).
        features: at full resolution, (frames, bins).
        pooled: what the policy sees of them, (m,).
        distance: from the target at full resolution.
        judged: the distance that reward and success go by.
    """

    unit: Unit
    audio: Audio
    features: Features
    pooled: NDArray[np.float32]
    distance: float
    judged: float


@dataclass(frozen=True)
class Target:
    """The sound to come near: audio (samples,), features (frames, bins), pooled features (m,)."""

    audio: Audio
    features: Features
    pooled: NDArray[np.float32]


@dataclass
class Episode:
    """A target, and the first, the latest and the best sound made for it."""

    target: Target
    start: Sound
    now: Sound
    best: Sound

    def hear(self, sound: Sound) -> None:
        """Take the next sound."""
        self.now = sound
        if sound.distance < self.best.distance:
            self.best = sound
