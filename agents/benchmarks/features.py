"""What the features cost beside each other."""

from __future__ import annotations

import time

import numpy as np

from synthgym.features import make_features

from .reference import reference_feature
from .section import Effort, Row, Section
from .turns import Turn, median, ratio, take_turns

RATES = (44100, 48000)


def measure(effort: Effort) -> list[Row]:
    """Measure one second of sound at each sample rate."""
    return [_row_of(rate, effort) for rate in RATES]


def _row_of(rate: int, effort: Effort) -> Row:
    """Extract the features of one clip after the other, in turns."""
    logmel, default = make_features(["logmel", "multiresolution"], rate, rate)
    plain = reference_feature(rate)
    clip = (0.1 * np.random.default_rng(0).standard_normal((1, rate))).astype(np.float32)

    def turn(extract: object) -> Turn:
        assert callable(extract)

        def timed() -> float:
            times = []
            for _ in range(max(20, effort.steps)):
                start = time.perf_counter()
                extract()
                times.append((time.perf_counter() - start) * 1e6)
            return median(times)

        return timed

    figures = take_turns(
        effort.rounds,
        {
            "logmel": turn(lambda: logmel(clip)),
            "multiresolution": turn(lambda: default(clip)),
            "plain": turn(lambda: plain(clip[0])),
        },
    )
    return {
        "rate": f"{rate:,} Hz",
        "values": int(np.prod(default.shape)),
        "logmel": median(figures["logmel"]),
        "multiresolution": median(figures["multiresolution"]),
        "plain": median(figures["plain"]),
        "per_logmel": ratio(figures["multiresolution"], figures["logmel"]),
        "per_plain": ratio(figures["multiresolution"], figures["plain"]),
        "rounds": figures,
    }


SECTION = Section(
    name="features",
    title="The feature",
    text="Of one second of sound, one clip at a time, one thread; medians. The plain one is the "
    "same feature by calls of scipy, the steps' reference.",
    columns={
        "rate": "sample rate",
        "values": "values",
        "logmel": "logmel, us",
        "multiresolution": "multiresolution, us",
        "plain": "plain, us",
        "per_logmel": "multiresolution / logmel",
        "per_plain": "multiresolution / plain",
    },
    measure=measure,
    required={"per_logmel": ("at most", 3.0)},
)
