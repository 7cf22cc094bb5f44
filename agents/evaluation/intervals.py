"""Bootstrap intervals over targets and trainings.

What an evaluation finds would differ with other targets and with other trainings of an agent, and both are
few. So both are drawn again, with replacement, as rliable draws runs and tasks (Agarwal et al., "Deep
Reinforcement Learning at the Edge of the Statistical Precipice", 2021).

Its strata are tasks: a run is trained on one task, and runs are drawn anew within each. Here a training meets
every target, and its luck is the same on all of them; drawn anew within each target, it would average out. So
the environment is the stratum, and trainings are drawn as wholes, and so are targets (Owen, "The Pigeonhole
Bootstrap", 2007); tests/test_intervals.py counts how often either interval holds the truth. With one training
it is the bootstrap over targets.
"""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 95.0
"""Per cent."""
_BATCH = 500

WHAT = "95 % bootstrap intervals over targets and seeds; of an agent that is trained, a seed is a training"
"""What reports say of an interval."""


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of scores (trainings, targets)."""
    rng = np.random.default_rng(0)
    count, targets = scores.shape
    means = []
    for _ in range(RESAMPLES // _BATCH):
        # How often each training is drawn, and which targets are.
        trainings = rng.multinomial(count, np.full(count, 1 / count), _BATCH) / count
        drawn = rng.integers(targets, size=(_BATCH, targets))
        means.append(np.take_along_axis(trainings @ scores, drawn, axis=1).mean(axis=1))
    low, high = _ends(np.concatenate(means))
    return float(low), float(high)


def iqm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interquartile mean over the first axis, that of the middle half (Agarwal et al. 2021)."""
    means: NDArray[np.float64] = scipy.stats.trim_mean(values, 0.25, axis=0)
    return means


def iqm_interval(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % percentile interval of the interquartile mean over targets.

    Args:
        scores: (trainings, targets, ...); the mean over trainings is each target's.

    Returns:
        Its ends, both (...).
    """
    rng = np.random.default_rng(0)
    means = []
    for _ in range(RESAMPLES // 10):
        trainings, targets = (rng.integers(count, size=count) for count in scores.shape[:2])
        means.append(iqm(scores[trainings].mean(axis=0)[targets]))
    return _ends(np.array(means))


def _ends(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outside = (100 - LEVEL) / 2
    low, high = np.percentile(means, [outside, 100 - outside], axis=0)
    return low, high
