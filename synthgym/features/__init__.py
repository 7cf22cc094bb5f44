"""The features of a sound, by name, and the distance between two sounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from synthgym.checks import one_of, whole
from synthgym.errors import quoted
from synthgym.features.base import DerivedFeature, Feature, Features, extract
from synthgym.features.distance import distance
from synthgym.features.embedding import Embedding
from synthgym.features.logmel import N_MELS, LogMel
from synthgym.features.mfcc import MFCC, N_MFCC
from synthgym.features.multiresolution import MultiResolution
from synthgym.features.pooled import Pooled

__all__ = [
    "FEATURES",
    "MFCC",
    "DerivedFeature",
    "Embedding",
    "Feature",
    "Features",
    "LogMel",
    "MultiResolution",
    "Pooled",
    "distance",
    "extract",
    "make_features",
]


class FeatureMaker:
    """Makes features of one kind of clip by name, each once, so that those that build on one share it.

    Args:
        sample_rate: Hz.
        samples: length of a clip.
    """

    def __init__(self, sample_rate: int, samples: int) -> None:
        self.sample_rate, self.samples = sample_rate, samples
        self._made: dict[str, Feature] = {}

    def make(self, name: str) -> Feature:
        """Return the feature of a name; SynthgymError as ``make_features``."""
        if name not in self._made:
            self._made[name] = self._new(name)
        return self._made[name]

    def logmel(self) -> LogMel:
        """Return the log-mel spectrogram, for features that are computed from it."""
        logmel = self.make("logmel")
        assert isinstance(logmel, LogMel)
        return logmel

    def multiresolution(self) -> MultiResolution:
        """Return the default feature, for features that are computed from it."""
        multiresolution = self.make("multiresolution")
        assert isinstance(multiresolution, MultiResolution)
        return multiresolution

    def _new(self, name: str) -> Feature:
        if name.startswith("pooled-"):
            return Pooled(self.make(name.removeprefix("pooled-")))
        if count := re.fullmatch(r"mfcc-(\d{1,9})", name):
            return _mfcc(self, whole("the number of coefficients", int(count[1]), 1, N_MELS))
        one_of("feature", name, FEATURES)
        return FEATURES[name](self)


def _mfcc(maker: FeatureMaker, count: int = N_MFCC) -> Feature:
    return MFCC(maker.logmel(), count)


FEATURES: dict[str, Callable[[FeatureMaker], Feature]] = {
    "logmel": lambda maker: LogMel(maker.sample_rate, maker.samples),
    "multiresolution": lambda maker: MultiResolution(maker.sample_rate, maker.samples),
    "mfcc": _mfcc,
    "embedding": lambda maker: Embedding(maker.multiresolution(), maker.sample_rate),
}
"""How each feature is made; ``mfcc-13`` has 13 coefficients, and ``pooled-NAME`` is a mean-pooled feature."""


def make_features(names: Sequence[str], sample_rate: int, samples: int) -> tuple[Feature, ...]:
    """Make features by name for clips of ``samples`` at ``sample_rate`` Hz.

    Those that build on the same one share it.

    Args:
        names: such as "logmel".
        sample_rate: in Hz.
        samples: the length of a clip.

    Returns:
        The features, in the order of the names.

    Raises:
        UnknownNameError: a feature that does not exist.
        SynthgymError: a count of coefficients out of range.
    """
    maker = FeatureMaker(sample_rate, samples)
    return tuple(maker.make(name if isinstance(name, str) else quoted(name)) for name in names)
