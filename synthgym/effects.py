"""How much each parameter of a synthesiser changes its sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synthgym.features import Features, distance
from synthgym.patches import Patches, PatchStream
from synthgym.task import SoundMatchingTask

PATCHES = 24
SETTINGS = 8
_FIRST = 4
"""Renders by which most parameters are heard already."""


@dataclass(frozen=True)
class Effect:
    """What turning one parameter does to the sound of random audible patches.

    Attributes:
        name: of the parameter.
        distance: the farthest it carries a patch from its sound, mean over patches, in [0, 1].
        audible: the share of patches in which any setting changes the feature at all, in [0, 1].
    """

    name: str
    distance: float
    audible: float


def measure_effects(
    task: SoundMatchingTask, count: int = PATCHES, settings: int = SETTINGS
) -> Iterator[Effect]:
    """Turn each free parameter through its range, alone, in random audible patches, and give its effect.

    Args:
        task: the synth, its free parameters and the feature that sounds are compared by.
        count: how many patches.
        settings: how many evenly spaced values of each parameter, its ends included.

    Yields:
        One a free parameter, in the order of the space.
    """
    patches, plain = _patches(task, count)
    for i, name in enumerate(task.space.names):
        farthest = np.zeros(count, np.float32)
        for value in np.linspace(0, 1, settings, dtype=np.float32):
            turned = patches.unit.copy()
            turned[:, i] = value
            farthest = np.maximum(farthest, distance(task.render(turned, patches.notes).features[0], plain))
        yield Effect(name, float(farthest.mean()), float((farthest > 0).mean()))


def audible(task: SoundMatchingTask, count: int = PATCHES, settings: int = SETTINGS) -> Iterator[bool]:
    """Say of each free parameter whether any setting changes the feature of any of some random patches.

    It is what ``measure_effects`` finds, ``audible > 0``, but as soon as it is known: a parameter that is
    heard takes a few renders.

    Args:
        task: the synth, its free parameters and the feature that sounds are compared by.
        count: how many patches.
        settings: how many evenly spaced values of each parameter, its ends included.

    Yields:
        One a free parameter, in the order of the space.
    """
    patches, plain = _patches(task, count)
    patch = np.tile(np.arange(count), settings)
    values = np.repeat(np.linspace(0, 1, settings, dtype=np.float32)[::-1], count)
    for i in range(len(task.space)):
        done, heard = 0, False
        while done < len(patch) and not heard:
            some = slice(done, max(_FIRST, 2 * done))
            turned, notes = patches.unit[patch[some]], patches.notes[patch[some]]
            turned[:, i] = values[some]
            rendered = task.render(turned, notes).features[0]
            heard = bool((distance(rendered, plain[patch[some]]) > 0).any())
            done = some.stop
        yield heard


def _patches(task: SoundMatchingTask, count: int) -> tuple[Patches, Features]:
    """Return the patches that are turned, and the features (count, ...) of what they sound like."""
    patches = task.make_patches(PatchStream("pool", seed=0).ids(range(count)))
    return patches, patches.rendered.features[0]
