"""The features of a data set in mapped files, to look up which of its examples are nearest to a sound."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path

from synthgym.datasets import load
from synthgym.datasets.made import INDEX
from synthgym.datasets.manifest import MANIFEST
from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.files import unwritable
from synthgym.notes import lowest_first

_LEVELS = 255
_FORMAT = 3
_FILES = ("numbers.npy", "sizes.npy", "sums.npy", "levels.npy")
_GROUP = 16
"""Values of a feature that a sum is of."""
_BLOCK = 4096
"""Examples read at once."""
_TRIED = 512
"""Examples compared before it is looked whether the others can be nearer."""
_AT_ONCE = 2**18
"""Values compared at once: they stay in the processor's cache."""


class Index:
    """The training examples of a data set, a byte for each value of their features, in files that are mapped.

    They are made once for each state of the set, and shared by all processes that look something up in it:
    in its folder, or in the user's cache where that cannot be written. Files that are damaged are made anew.

    Distances are those of features rounded to 1/255 of the feature's range: for the log-mel spectrograms of
    200,000 one-operator patches within .003 of the exact ones, in a tenth of their time.

    Not every example is compared. Two features are at least as far from each other as the sums of their
    values, group by group, so that the sums tell which may be among the nearest. That leaves none out.

    Of several notes an item the distance is the mean over them, the lowest against the lowest.

    Args:
        path: folder of the data set.
        feature: name of the feature.
        state: of the set (default: as it is now).

    Raises:
        SynthgymError: the set has no training examples, or the index cannot be written.
    """

    def __init__(self, path: Path, feature: str, state: str | None = None) -> None:
        self._dataset, self._feature = load(path), feature
        known = self._dataset.manifest["features"][feature]
        shape = self._dataset.features[feature].shape
        self._shape = self._dataset.notes_per_target, int(np.prod(shape[-2:]))
        self._low = float(np.min(known["low"]))
        self._step = (float(np.max(known["high"])) - self._low) / _LEVELS
        key = hashlib.sha256(repr((_FORMAT, feature, state or state_of(path))).encode()).hexdigest()[:16]
        name = f"{feature}-{key}"
        if self._open(path / "index" / name):  # maybe of a set that is only read
            return
        home = home_of(path)
        try:
            home.mkdir(parents=True, exist_ok=True)
            with FileLock(home / ".lock"):  # another process may make it, or remove it for a later state
                if not self._open(home / name):
                    self._make(home, home / name)
                    if not self._open(home / name):
                        raise SynthgymError(f"{home / name} is not as it was written; check the disk")
        except OSError as error:
            raise unwritable(home, error) from error

    def _open(self, folder: Path) -> bool:
        """Map the files of the index; return whether they are there and undamaged, as far as sizes tell."""
        try:
            numbers, sizes, sums, levels = (np.load(folder / name, mmap_mode="r") for name in _FILES)
        except (EOFError, OSError, ValueError):
            return False
        count, size = len(numbers), len(self._dataset)
        each, width = self._shape
        found = [(array.dtype, array.shape) for array in (numbers, sizes, sums, levels)]
        groups = -(-width // _GROUP)
        whole = [(np.int64, (count,)), (np.float32, (count, each)), (np.uint16, (count, each, groups))]
        if found != [*whole, (np.uint8, (count, each, width))]:
            return False
        if not (count and 0 <= numbers[0] <= numbers[-1] < size):
            return False
        self._numbers, self._sizes, self._sums, self._levels = numbers, sizes, sums, levels
        return True

    def _make(self, home: Path, folder: Path) -> None:
        """Write the files of the index, and remove those of earlier states of the set."""
        numbers = self._dataset.items("train").numbers()
        if not len(numbers):
            raise SynthgymError(f"{self._dataset.path} has no training examples yet; give its command again")
        for old in home.iterdir():  # or what a process that was killed has begun
            if re.fullmatch(re.escape(self._feature) + r"-[0-9a-f]+(\.begun)?", old.name):
                shutil.rmtree(old)
        begun = home / f"{folder.name}.begun"
        begun.mkdir()
        stored, played = self._dataset.features[self._feature], self._dataset.notes
        each, width = self._shape
        np.save(begun / _FILES[0], numbers)
        sizes = np.empty((len(numbers), each), np.float32)
        ends = np.searchsorted(numbers, np.arange(0, len(self._dataset) + _BLOCK, _BLOCK))
        # Not by a map: where the disk is full, writing to one ends the process.
        with (begun / _FILES[2]).open("wb") as coarse, (begun / _FILES[3]).open("wb") as fine:
            for file, kind, values in ((coarse, "<u2", -(-width // _GROUP)), (fine, "|u1", width)):
                header = {"descr": kind, "fortran_order": False, "shape": (len(numbers), each, values)}
                np.lib.format.write_array_header_1_0(file, header)
            for first, last in itertools.pairwise(ends.tolist()):
                if first == last:
                    continue
                start, stop = int(numbers[first]), int(numbers[last - 1]) + 1
                those = numbers[first:last] - start
                features = stored[start:stop][those].astype(np.float32)
                if each > 1 and played is not None:
                    features = lowest_first(features, played[start:stop][those])
                levels = self._rounded(features)
                fine.write(levels.tobytes())
                coarse.write(_sums(levels).astype("<u2").tobytes())
                sizes[first:last] = np.abs(features).sum(axis=(-2, -1)).reshape(-1, each)
        np.save(begun / _FILES[1], sizes)
        begun.rename(folder)

    def _rounded(self, features: Features) -> NDArray[np.uint8]:
        rounded = np.rint((features.reshape(-1, *self._shape) - self._low) / self._step)
        levels: NDArray[np.uint8] = np.clip(rounded, 0, _LEVELS).astype(np.uint8)
        return levels

    def nearest(self, target: Features, count: int) -> NDArray[np.int64]:
        """Return the numbers of the examples nearest to a target (1, frames, bins), the nearest first.

        Args:
            target: float32; of a set of k notes an item (1, k, frames, bins), see ``lowest_first``.
            count: how many, 1 or more; fewer if there are fewer.

        Returns:
            Int64 (count,), numbers in the data set.
        """
        (aim,) = self._rounded(target)
        size = self._sizes_of(target)
        (sums,) = _sums(aim[None])
        least = self._far(self._sums, sums, size)
        order = np.argsort(least, kind="stable")
        rows, far = order[:0], least[:0]
        step = max(count, _TRIED)
        for at in range(0, len(order), step):
            # What is as far as the last one may be rounded differently.
            if len(rows) and least[order[at]] > far[-1] * (1 + 1e-5):
                break
            more = np.sort(order[at : at + step])  # as the files are read
            rows = np.concatenate([rows, more])
            far = np.concatenate([far, self._far(self._levels, aim, size, more)])
            nearest = np.lexsort((rows, far))[:count]
            rows, far = rows[nearest], far[nearest]
        found: NDArray[np.int64] = self._numbers[rows]
        return found

    def nearest_of_all(self, target: Features, count: int) -> NDArray[np.int64]:
        """Return what ``nearest`` does by comparing all examples, to be measured against.

        Args:
            target: float32.
            count: how many, 1 or more; fewer if there are fewer.

        Returns:
            Int64 (count,), numbers in the data set.
        """
        (aim,) = self._rounded(target)
        far = self._far(self._levels, aim, self._sizes_of(target))
        found: NDArray[np.int64] = self._numbers[np.argsort(far, kind="stable")[:count]]
        return found

    def _sizes_of(self, target: Features) -> NDArray[np.float32]:
        """Return the sums of a target's values, note by note."""
        return np.array([np.abs(note).sum() for note in target.reshape(self._shape)])

    def _far(
        self,
        rows: NDArray[Any],
        aim: NDArray[Any],
        size: NDArray[np.float32],
        numbers: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """Return the distances of rows (N, notes, width), or the numbered ones, to an aim of these sizes."""
        far = []
        for note, values in enumerate(aim):
            steps = _apart(rows[:, note], values, numbers) * np.float32(self._step)
            sizes = self._sizes[:, note] if numbers is None else self._sizes[numbers, note]
            whole = np.maximum(sizes + size[note] + steps, np.float32(1e-9))
            far.append(2 * steps / whole)
        return np.asarray(np.mean(far, axis=0) if len(far) > 1 else far[0], np.float32)


def _sums(levels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the sums of groups of levels, row by row, note by note."""
    sums: NDArray[np.uint16] = np.add.reduceat(
        levels, range(0, levels.shape[2], _GROUP), axis=2, dtype=np.uint16
    )
    return sums


def _apart(
    rows: NDArray[Any], aim: NDArray[Any], numbers: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return how far rows (N, width), or the numbered ones, are from an aim (width,): what they differ by."""
    apart = np.empty(len(rows) if numbers is None else len(numbers), np.float32)
    at_once = max(1, _AT_ONCE // len(aim))
    for at in range(0, len(apart), at_once):
        here = slice(at, at + at_once)
        part = rows[here if numbers is None else numbers[here]]
        wide = np.maximum(part, aim)
        wide -= np.minimum(part, aim)
        apart[at : at + len(part)] = wide.sum(axis=1, dtype=np.uint32)
    return apart


def home_of(path: Path) -> Path:
    """Return the folder of the indexes of a data set."""
    if os.access(path, os.W_OK):
        return path / "index"
    return user_cache_path("synthgym") / "index" / hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def state_of(path: Path) -> str:
    """Return what changes whenever a data set in this folder grows, is completed or is made anew."""
    files = [path / MANIFEST]
    try:
        made = (path / INDEX).read_bytes()  # some tens of bytes for each block
    except FileNotFoundError:  # of an earlier version, or only read here
        made = b""
        for part in ("split", "features"):
            files += sorted(file for file in (path / part).rglob("*") if file.is_file())
    stats = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
    told = [(name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats]
    return hashlib.sha256(repr(told).encode() + made).hexdigest()
