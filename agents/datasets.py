"""Data sets that agents learn from."""

from __future__ import annotations

from pathlib import Path

from synthgym.checks import one_of
from synthgym.datasets import DataSet, load
from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask


def of_task(path: Path, task: SoundMatchingTask) -> DataSet:
    """Open a data set of a task.

    Raises:
        SynthgymError: there is none, or it is of other parameters, or has not the feature that the task
            measures distance by.
    """
    dataset = load(path.resolve())
    identity = task.identity()
    for name, value in identity.items():
        if dataset.manifest.get(name) != value:
            raise SynthgymError(
                f"{path} is a set of {dataset.manifest['env']} {dataset.manifest['env_kwargs'] or ''} with "
                f"other {name}; make one of this environment with scripts/make_dataset.py"
            )
    one_of(f"feature of {path}", task.feature_name, dataset.features)
    return dataset
