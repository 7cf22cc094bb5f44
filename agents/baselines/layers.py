"""Layers of the patches of a data set, and what each sounds like alone."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from synthgym.datasets import load
from synthgym.features import Features
from synthgym.features.multiresolution import MultiResolution
from synthgym.features.powers import aim, loudness_of, powers, powers_of
from synthgym.files import remove_strays, replaced, unwritable
from synthgym.parameters import Native, Unit
from synthgym.task import SoundMatchingTask

from .composition import Layers
from .index import home_of, state_of
from .lookup import examples

logger = logging.getLogger(__name__)

SIZE = 8_000
"""Some seconds of a core, once for each state of a data set; 6 MB."""
_AT_ONCE = 500
_LEVELS = 255
_FORMAT = 2


class _Kept(NamedTuple):
    """What is in a file: layers (L, all parameters), which are exclusive (L,), their loudness (L, values)."""

    native: Native
    exclusive: NDArray[np.bool_]
    loudness: NDArray[np.uint8]


def are_kept(path: Path) -> bool:
    """Return whether layers of the patches of a data set, in its folder, were rendered."""
    return any(home_of(path).glob("layers-*.npz"))


def _digest(of: Any) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


class LayerSet:
    """Layers of patches of a data set, rendered once for each state of it and each task, and kept beside its
    indexes.

    Args:
        task: that plays one note; it need not be that of the set.
        path: folder of the data set.

    Attributes:
        renders: what they cost; 0 where nothing is known of layers, of this synth or by this feature.

    Raises:
        SynthgymError: they cannot be written.
    """

    def __init__(self, task: SoundMatchingTask, path: Path) -> None:
        self._task, self._path = task, path
        state = _digest([_FORMAT, state_of(path)])
        played = _digest([task.feature_name, task.identity()])
        home = home_of(path)
        try:
            home.mkdir(parents=True, exist_ok=True)
            with FileLock(home / ".lock"):
                remove_strays(home)
                kept = self._kept(home / f"layers-{state}-{played}.npz", state)
        except OSError as error:
            raise unwritable(home, error) from error
        self._native, self.renders = kept.native, len(kept.native)
        loudness = kept.loudness.astype(np.float32) / np.float32(_LEVELS)
        self._layers = Layers(powers_of(loudness), kept.exclusive, task.synth.most_layers)

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
        sums, layered = self._layers.nearest(aim(target[0]), count), self._task.synth.layered
        return np.stack([layered(self._native[list(s.rows)], np.array(s.decibels)) for s in sums])

    def _kept(self, file: Path, state: str) -> _Kept:
        """Return what is in a file, or make it, and remove those of earlier states of the set."""
        try:
            with np.load(file) as arrays:
                kept = _Kept(*(arrays[name] for name in _Kept._fields))
            if len({len(array) for array in kept}) == 1 and kept.loudness.dtype == np.uint8:
                return kept
        except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass  # or it is damaged
        made = self._made()
        for old in file.parent.glob("layers-*.npz"):
            if not old.name.startswith(f"layers-{state}-"):
                old.unlink()
        with replaced(file) as temporary:
            np.savez_compressed(temporary, **made._asdict())
        return made

    def _made(self) -> _Kept:
        task, dataset = self._task, load(self._path)
        feature = task.feature if isinstance(task.feature, MultiResolution) else None
        numbers = dataset.items("train").numbers()[: SIZE if feature and task.synth.most_layers else 0]
        unit: Unit = examples(dataset.parameters, numbers)
        native, exclusive = task.synth.layers(task.space.to_native(unit))
        # What is frozen may forbid some.
        possible = (task.space.to_native(task.space.to_unit(native)) == native).all(axis=1)
        native, exclusive = native[possible], exclusive[possible]
        chosen = np.sort(np.random.default_rng(0).permutation(len(native))[:SIZE])
        native, exclusive = native[chosen], exclusive[chosen]
        if feature is None or not len(native):
            return _Kept(native[:0], exclusive[:0], np.empty((0, 0), np.uint8))
        logger.info("rendering %s layers of %s, once", f"{len(native):,}", self._path)
        loudness = []
        for part in np.split(native, range(_AT_ONCE, len(native), _AT_ONCE)):
            audio = task.render(task.space.to_unit(part), audio=True).audio
            assert audio is not None
            loudness.append(np.rint(loudness_of(powers(feature, audio)) * _LEVELS).astype(np.uint8))
        return _Kept(native, exclusive, np.concatenate(loudness))
