"""The features of a sound, by name, and the distance between two sounds."""

from __future__ import annotations

from synthgym.checks import one_of
from synthgym.features.base import Feature, Features
from synthgym.features.distance import distance
from synthgym.features.logmel import LogMel
from synthgym.features.mfcc import MFCC

__all__ = ["FEATURES", "MFCC", "Feature", "Features", "LogMel", "distance", "make_feature"]

FEATURES: dict[str, type[Feature]] = {"logmel": LogMel, "mfcc": MFCC}


def make_feature(name: str, sample_rate: int, samples: int) -> Feature:
    """Make a feature by name for clips of ``samples`` at ``sample_rate``; UnknownNameError if none."""
    one_of("feature", name, FEATURES)
    return FEATURES[name](sample_rate, samples)
