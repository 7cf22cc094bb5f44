"""The features of a sound, by name, and the distance between two sounds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synthgym.checks import one_of, whole
from synthgym.features.base import Feature, Features, extract
from synthgym.features.distance import distance
from synthgym.features.logmel import N_MELS, LogMel
from synthgym.features.mfcc import MFCC, N_MFCC
from synthgym.features.pooled import Pooled

__all__ = [
    "FEATURES",
    "MFCC",
    "Feature",
    "Features",
    "LogMel",
    "Pooled",
    "distance",
    "extract",
    "make_features",
]

FEATURES = ("logmel", "mfcc")
"""``pooled-`` before a name is its mean-pooled form; ``mfcc-13`` has 13 coefficients."""


def make_features(names: Sequence[str], sample_rate: int, samples: int) -> tuple[Feature, ...]:
    """Make features by name for clips of ``samples`` at ``sample_rate`` Hz.

    Those that build on the same one share it.

    Raises:
        UnknownNameError: a feature that does not exist.
        SynthgymError: a count of coefficients out of range.
    """
    made: dict[str, Feature] = {"logmel": LogMel(sample_rate, samples)}

    def make(name: str) -> Feature:
        if name not in made:
            made[name] = new(name)
        return made[name]

    def new(name: str) -> Feature:
        if name.startswith("pooled-"):
            return Pooled(make(name.removeprefix("pooled-")))
        count = re.fullmatch(r"mfcc-(\d+)", name)
        if count is None:
            one_of("feature", name, FEATURES)
        logmel = made["logmel"]
        assert isinstance(logmel, LogMel)
        coefficients = int(count[1]) if count else N_MFCC
        return MFCC(logmel, whole("the number of coefficients", coefficients, 1, N_MELS))

    return tuple(make(str(name)) for name in names)
