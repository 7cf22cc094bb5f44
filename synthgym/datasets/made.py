"""Which blocks of a data set are made: an index beside its arrays, so that nobody has to read them all."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

INDEX = "made.index"


class Made:
    """A record for each block that is made: how many items it has, and the size of each of its files.

    A record bears a checksum of its own. One that is missing or damaged says nothing: its block is read.

    Args:
        path: the folder of the data set.
        arrays: how many arrays it has.
        blocks: how many blocks it has.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, arrays: int, blocks: int) -> None:
        self._row = 8 * (arrays + 2)
        file = path / INDEX
        file.touch()
        self._file = file.open("r+b", buffering=0)
        self._file.truncate(blocks * self._row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def says(self, block: int) -> list[int] | None:
        """Return what is recorded of a block: its items, and the bytes of its files; None if nothing is.

        Args:
            block: its number.

        Returns:
            The number of items, then the bytes of each array's file, in the order in which they were given.
        """
        self._file.seek(block * self._row)
        values = np.frombuffer(self._file.read(self._row), "<u8")
        if not len(values) or not values[0] or int(values[-1]) != _checksum(block, values[:-1]):
            return None
        return [int(value) for value in values[:-1]]

    def record(self, block: int, items: int, sizes: Sequence[int]) -> None:
        """Record a block that is written. Where the disk is full, nothing may be recorded.

        Args:
            block: its number.
            items: how many it has, 1 or more.
            sizes: the bytes of each array's file.
        """
        values = np.array([items, *sizes, 0], "<u8")
        values[-1] = _checksum(block, values[:-1])
        with suppress(OSError):  # the block is merely read again
            self._put(block, values.tobytes())

    def forget(self, block: int) -> None:
        """Record that nothing is known of a block.

        Args:
            block: its number.

        Raises:
            OSError: something is known, and the file cannot be written.
        """
        if self.says(block) is not None:  # else there may be no room for it
            self._put(block, bytes(self._row))

    def _put(self, block: int, row: bytes) -> None:
        self._file.seek(block * self._row)
        self._file.write(row)


def _checksum(block: int, values: np.ndarray) -> int:
    return zlib.crc32(values.tobytes(), block & 0xFFFFFFFF)
