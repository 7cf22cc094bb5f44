"""Layers of the patches of a data set, and what each sounds like alone."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from synthgym.datasets import load
from synthgym.features import Features
from synthgym.features.powers import loudness_of, powers_of
from synthgym.files import replaced, unwritable
from synthgym.parameters import Native, Unit
from synthgym.task import SoundMatchingTask

from .composition import Layers
from .index import home_of, state_of
from .lookup import examples

logger = logging.getLogger(__name__)

SIZE = 8_000
"""Some seconds of a core, once for each state of a data set; 25 MB."""
_AT_ONCE = 500
_FORMAT = 1


class LayerSet:
    """Layers of patches of a data set, rendered once for each state of it, and kept beside its indexes.

    Args:
        task: of the notes of the set, whose feature tells powers; or of another feature and free parameters
            than the set's.
        path: folder of the data set.

    Attributes:
        renders: what they cost; 0 of a synth of whose layers nothing is known.

    Raises:
        SynthgymError: they cannot be written.
    """

    def __init__(self, task: SoundMatchingTask, path: Path) -> None:
        self._task, self._path = task, path
        key = hashlib.sha256(repr((_FORMAT, task.feature_name, state_of(path))).encode()).hexdigest()[:16]
        home = home_of(path)
        try:
            home.mkdir(parents=True, exist_ok=True)
            with FileLock(home / ".lock"):
                native, exclusive, loudness = self._kept(home / f"layers-{key}.npz")
        except OSError as error:
            raise unwritable(home, error) from error
        self._native, self.renders = native, len(native)
        self._layers = Layers(powers_of(loudness), exclusive, task.synth.most_layers)

    def nearest(self, target: Features, count: int) -> Native:
        """Return patches that are put together from layers, what is nearest to a target first.

        Args:
            target: features (1, frames, bins) of the task.
            count: how many, at most; none if nothing is known of layers.

        Returns:
            Native rows (count, all parameters).
        """
        if not self.renders:
            return self._native
        sums = self._layers.nearest(self._powers(target)[0], count)
        layered = self._task.synth.layered
        return np.stack([layered(self._native[list(s.rows)], np.array(s.decibels)) for s in sums])

    def _kept(self, file: Path) -> tuple[Native, NDArray[np.bool_], Features]:
        """Return the layers, which of them are exclusive, and their loudness, as kept or made now."""
        try:
            with np.load(file) as kept:
                return kept["native"], kept["exclusive"], kept["loudness"].astype(np.float32)
        except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # or it is damaged
            native, exclusive, loudness = self._made()
        for old in file.parent.glob("layers-*.npz"):
            old.unlink()
        with replaced(file) as temporary:
            np.savez(temporary, native=native, exclusive=exclusive, loudness=loudness.astype(np.float16))
        return native, exclusive, loudness.astype(np.float16).astype(np.float32)

    def _made(self) -> tuple[Native, NDArray[np.bool_], Features]:
        task, dataset = self._task, load(self._path)
        known = task.synth.most_layers and self._powers(np.zeros((1, *task.feature.shape), np.float32)).size
        numbers = dataset.items("train").numbers()[: SIZE if known else 0]
        unit: Unit = examples(dataset.parameters, numbers)
        native, exclusive = task.synth.layers(task.space.to_native(unit))
        chosen = np.sort(np.random.default_rng(0).permutation(len(native))[:SIZE])
        native, exclusive = native[chosen], exclusive[chosen]
        if len(native):
            logger.info("rendering %s layers of %s, once", f"{len(native):,}", self._path)
        parts = np.split(native, range(_AT_ONCE, len(native), _AT_ONCE))
        powers = [self._powers(task.render_native(part).features[0]) for part in parts if len(part)]
        return native, exclusive, loudness_of(np.concatenate(powers or [np.empty((0, 0), np.float32)]))

    def _powers(self, features: Features) -> Features:
        powers = self._task.feature.powers(features)
        return np.empty((len(features), 0), np.float32) if powers is None else powers
