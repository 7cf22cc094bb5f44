"""How much each parameter of a synthesiser changes its sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synthgym.features import distance
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

PATCHES = 24
SETTINGS = 8


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
    patches = task.make_patches(PatchStream("pool", seed=0).ids(range(count)))
    plain = patches.rendered.features[0]
    for i, name in enumerate(task.space.names):
        farthest = np.zeros(count, np.float32)
        for value in np.linspace(0, 1, settings, dtype=np.float32):
            turned = patches.unit.copy()
            turned[:, i] = value
            farthest = np.maximum(farthest, distance(task.render(turned, patches.notes).features[0], plain))
        yield Effect(name, float(farthest.mean()), float((farthest > 0).mean()))
