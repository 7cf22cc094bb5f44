"""Rows of an evaluation, rendered again: whether their parameters are at the distances that are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from synthgym.errors import ParameterError
from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

from .log import Row
from .targets import Target

_BATCH = 64
TIMES = 4
"""So often a patch is rendered if the synth does not render the same sound each time."""
MARGIN = 2.0
"""How many times as much as its own renders differ from each other a patch may be off.

As distance is a metric, the distances of two renders to a target differ by no more than the renders do from
each other. Four renders do not show all of that: of 96,000 renders of amsynth, which differ by .15 in the
median and by 1 at most, none was off by more than twice as much as four others, and 1 in 5,000 by more than
as much.
"""

ROUNDING = 1e-6
"""By how much a distance may be off anyway: other kinds of processors round sums of float32 otherwise."""


@dataclass
class Replay:
    """What was found.

    Attributes:
        wrong: a line for each row that is not at its distance.
        tolerances: by how much each row may be off; zeros if the synth is repeatable.
    """

    wrong: list[str] = field(default_factory=list)
    tolerances: list[float] = field(default_factory=list)


def replay(task: SoundMatchingTask, targets: Sequence[Target], rows: Sequence[Row]) -> Replay:
    """Render the parameters of rows again and compare the distances.

    They must be equal but for rounding, or within the noise of patch and target if the synth is not
    repeatable. What is not finite is wrong.

    Args:
        task: renders.
        targets: those that rows name.
        rows: of an evaluation.

    Returns:
        What is wrong, as text, and the distance by which each row may be off.
    """
    by_name = {target.name: target for target in targets}
    times = 1 if task.synth.repeatable else TIMES
    target_noise = np.zeros(len(targets))
    if times > 1:  # targets that are patches have been rendered again, too
        own, notes = [target.unit for target in targets], [target.played for target in targets]
        target_noise = _noise(_renders(task, own, notes, times))
    noise_by_name = {target.name: noise for target, noise in zip(targets, target_noise, strict=True)}
    result = Replay()
    batches = range(0, len(rows), _BATCH)
    for at in tqdm(batches, unit=" batches", desc="rendering rows again", leave=False):
        part = rows[at : at + _BATCH]
        units = [_unit(task, row["parameters"]) for row in part]
        of = [by_name[row["target"]] for row in part]
        aims = np.concatenate([target.rendered.features[0] for target in of])
        renders = _renders(task, units, [target.played for target in of], times)
        found = np.stack([distance(features, aims) for features in renders]).astype(np.float64)
        written = np.array([row["distance"] for row in part], np.float64)
        off = np.abs(found - written).min(axis=0)
        allowed = _noise(renders) + [noise_by_name[row["target"]] for row in part]
        result.tolerances += allowed.tolist()
        for i, (row, unit) in enumerate(zip(part, units, strict=True)):
            if isinstance(unit, str):
                result.wrong.append(f"{_name(row)}: {unit}")
            elif not off[i] <= allowed[i] + ROUNDING:  # NaN is not
                result.wrong.append(f"{_name(row)}: distance {row['distance']}, rendered again {found[0, i]}")
    return result


def _noise(renders: Sequence[Features]) -> NDArray[np.float64]:
    """Return by how much rows (B,) may be off, from renders of them (B, ...)."""
    pairs = [distance(a, b) for a, b in combinations(renders, 2)]
    spread = np.max(pairs, axis=0) if pairs else np.zeros(len(renders[0]))
    return MARGIN * spread.astype(np.float64)


def _unit(task: SoundMatchingTask, parameters: Sequence[float]) -> Unit | str | None:
    """Return a unit vector (n,), None for silence, or why it is neither."""
    if len(parameters) == 0:
        return None
    try:
        return task.space.check(np.asarray(parameters, np.float32))
    except ParameterError as error:
        return str(error)


def _renders(
    task: SoundMatchingTask,
    units: Sequence[Unit | str | None],
    notes: Sequence[NDArray[np.float64]],
    times: int,
) -> list[Features]:
    """Return the features of several renders; the last of them is by a fresh engine."""
    renders = [_features(task, units, notes) for _ in range(max(times - 1, 1))]
    if times > 1:
        task.synth.close()
        renders.append(_features(task, units, notes))
    return renders


def _features(
    task: SoundMatchingTask, units: Sequence[Unit | str | None], notes: Sequence[NDArray[np.float64]]
) -> Features:
    """Return the first features (B, ...) of unit vectors at notes (3,), or (k, 3), each; zeros where there is
    none."""
    features = np.zeros((len(units), *np.shape(notes[0])[:-1], *task.feature.shape), np.float32)
    rendered = {place: unit for place, unit in enumerate(units) if isinstance(unit, np.ndarray)}
    if rendered:
        played = np.stack([notes[place] for place in rendered])
        features[[*rendered]] = task.render(np.stack([*rendered.values()]), played).features[0]
    return features


def _name(row: Row) -> str:
    return f"{row['agent']}, {row['target']}, seed {row['seed']}, budget {row['budget']}"
