"""What every feature does: audio in, a picture of frames by bins out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


class Feature(ABC):
    """A feature of a sound, made for clips of one sample rate and length.

    Silence is all zeros in every feature, which is what makes silence the worst match there is
    (see ``synthgym.features.distance``).

    Attributes:
        shape: (frames, bins) of one clip.
        bins: what the bins are, for the axis of a picture.
        ticks: places among the rows of a picture, and what to write there.
        unit: what the values are, for a colour bar.
        low: least value, a float32 scalar or (bins,).
        high: greatest value, likewise.
        pooled_to: the most (frames, bins) of its pooled form.
    """

    shape: tuple[int, int]
    bins: str
    ticks: Sequence[tuple[float, str]]
    unit: str
    low: NDArray[np.float32] | np.float32
    high: NDArray[np.float32] | np.float32
    pooled_to: ClassVar[tuple[int, int]] = (22, 32)

    @property
    def span(self) -> tuple[float, float]:
        """The least and the greatest value of any bin, for the scale of a picture."""
        return float(np.min(self.low)), float(np.max(self.high))

    @abstractmethod
    def __call__(self, audio: NDArray[np.float32]) -> Features:
        """Return float32 features (B, frames, bins) of float32 audio (B, samples).

        Each clip is computed for itself, so its bytes do not depend on the batch it is in.
        """

    def louder(self, features: Features, decibels: float) -> Features | None:
        """Return what features (B, frames, bins) of sounds would be if they were louder; None if unknown.

        Args:
            features: of the sounds as they are.
            decibels: by how much; below 0 for softer.

        Returns:
            Float32 (B, frames, bins), or None.
        """
        return None

    def picture(self, features: Features) -> Features:
        """Return what a person looks at, (columns, rows), of a feature (frames, bins) or a difference of two.

        The columns last as long as the clip. Here it is the feature as it stands.
        """
        return features


class DerivedFeature(Feature):
    """A feature computed from another one.

    Attributes:
        source: the other one. Features of one sound that share a source share its computation.
    """

    source: Feature

    @abstractmethod
    def derive(self, features: Features) -> Features:
        """Return features (B, frames, bins) of the source's (B, its frames, its bins)."""

    def __call__(self, audio: NDArray[np.float32]) -> Features:
        """Return features of audio (B, samples)."""
        return self.derive(self.source(audio))


def extract(
    features: Sequence[Feature],
    audio: NDArray[np.float32],
    known: Mapping[int, Features] = MappingProxyType({}),
) -> list[Features]:
    """Return several features of audio (B, samples), each source computed once.

    Those that are ``known`` already, by id, are not computed at all.

    Args:
        features: what to compute, in any order.
        audio: float32 (B, samples); not read if all is known.
        known: features (B, frames, bins) that are there already, by ``id`` of their Feature.

    Returns:
        For each of ``features``, its array (B, frames, bins).
    """
    found = dict(known)

    def of(feature: Feature) -> Features:
        if id(feature) not in found:
            found[id(feature)] = (
                feature.derive(of(feature.source)) if isinstance(feature, DerivedFeature) else feature(audio)
            )
        return found[id(feature)]

    return [of(feature) for feature in features]
