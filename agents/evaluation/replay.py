"""Rows of an evaluation, rendered again: whether their parameters are at the distances that are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgym.errors import ParameterError
from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .log import Row
from .targets import Target

_BATCH = 64
MARGIN = 2.0
"""How many times the noise floor a distance may differ."""


def tolerance(task: SoundMatchingTask) -> float:
    """Return by how much distances of rows may differ when they are rendered again: 0 if the synth is
    repeatable.

    The distance is a metric, so that a row's differs by no more than two renders of its patch differ from
    each other. The noise floor is the greatest such difference among a few random patches, which others may
    exceed; twice as much leaves room for them.
    """
    return MARGIN * task.noise_floor()


def replay(
    task: SoundMatchingTask, targets: Sequence[Target], rows: Sequence[Row], tolerance: float = 0.0
) -> list[str]:
    """Render the parameters of rows again; return a line for each that is not at its distance.

    Args:
        task: renders.
        targets: that rows name.
        rows: of an evaluation.
        tolerance: by how much the distances may differ.
    """
    by_name = {target.name: target.rendered.features[0] for target in targets}
    wrong = []
    for at in range(0, len(rows), _BATCH):
        part = rows[at : at + _BATCH]
        units = [_unit(task, row["parameters"]) for row in part]
        aims = np.concatenate([by_name[row["target"]] for row in part])
        far = distance(_features(task, units), aims)
        for row, unit, found in zip(part, units, far.tolist(), strict=True):
            who = f"{row['agent']}, {row['target']}, seed {row['seed']}, budget {row['budget']}"
            if isinstance(unit, str):
                wrong.append(f"{who}: {unit}")
            # As it stands, NaN is no success.
            elif not abs(found - row["distance"]) <= tolerance:
                wrong.append(
                    f"{who}: the distance is {row['distance']} in the row, and {found} rendered again"
                )
    return wrong


def _unit(task: SoundMatchingTask, parameters: Sequence[float]) -> Unit | str | None:
    """Return a unit vector (n,), None for silence, or why it is neither."""
    if len(parameters) == 0:
        return None
    try:
        return task.space.check(np.asarray(parameters, np.float32))
    except ParameterError as error:
        return str(error)


def _features(task: SoundMatchingTask, units: Sequence[Unit | str | None]) -> Features:
    """Return the first features (B, ...) of unit vectors; zeros where there is none."""
    features = np.zeros((len(units), *task.feature.shape), np.float32)
    rendered = {place: unit for place, unit in enumerate(units) if isinstance(unit, np.ndarray)}
    if rendered:
        features[[*rendered]] = task.render(np.stack([*rendered.values()])).features[0]
    return features
