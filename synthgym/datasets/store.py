"""A data set on disk: a Zarr 3 group and a manifest beside it.

The items are cut into blocks, which are written whole: a block of an array is a file (a Zarr shard)
that appears under its name when it is complete. Every chunk in it bears a CRC-32C checksum, and so does
the shard's index, so that a damaged file is found by reading it. The shard of ``split`` is written last
and removed first: an item whose block is not whole is one that is left out. An index (``made``) says which
blocks are whole, so that to go on, nothing of them is read but the sizes of their files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import zarr
from filelock import FileLock
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from synthgym.datasets.arrays import open_array, shard
from synthgym.datasets.made import Made
from synthgym.datasets.manifest import MANIFEST, read_manifest
from synthgym.datasets.recipe import Recipe
from synthgym.datasets.splits import LEFT_OUT
from synthgym.errors import SynthgymError
from synthgym.files import unwritable
from synthgym.locks import LOCK, take
from synthgym.settings import check_same_settings


class Store:
    """The files of a data set that is being made. No other command can write to them until it is closed.

    Args:
        path: the folder; made if it is missing.
        recipe: what it is to hold.

    Raises:
        SynthgymError: the folder cannot be written, is being written, holds something else, or a set made
            with other settings or of more items.
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path, self.size, self.block = path, recipe.source.size, recipe.block()
        self._lock = FileLock(path / LOCK)
        self._made: Made | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            # The manifest comes before all else; its partial file may be there, of a write that was killed.
            found = {entry.name for entry in path.iterdir()}
            if MANIFEST not in found and found - {f"{MANIFEST}.partial", LOCK}:
                raise SynthgymError(f"{path} is not empty and no data set; choose another folder")
            remedy = "wait for its end, or choose another folder"
            take(self._lock, f"{path} is being written by another command; {remedy}")
            try:
                self._open(recipe)
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise unwritable(path, error) from error

    def close(self) -> None:
        """Let the folder go."""
        if self._made is not None:
            self._made.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open(self, recipe: Recipe) -> None:
        path, arrays = self.path, recipe.arrays()
        self._dimensions = {name: 1 + len(shape) for name, (shape, _) in arrays.items()}
        kept = read_manifest(path) if (path / MANIFEST).exists() else None
        if kept is not None:
            recipe.source.go_on_from(kept["source"])
        self._wanted = _as_json(recipe)
        if kept is not None:
            self._check(kept)
            for stray in path.rglob("*.partial"):  # the folder is that of a data set, and ours alone
                stray.unlink()
            if kept["size"] < self.size:
                # A block at the old end is not whole any more. It goes first: without it, the old set
                # is merely unfinished, and so is the new one.
                self._remove(kept["size"], arrays)
        if kept != self._wanted:
            partial = path / f"{MANIFEST}.partial"
            partial.write_text(json.dumps(self._wanted, indent=1), encoding="utf-8")
            partial.replace(path / MANIFEST)
        _open_group(path)
        _open_group(path / "features")
        self._arrays = {name: self._open_array(name, recipe) for name in arrays}
        self._made = Made(path, len(arrays), self.blocks)

    def _check(self, kept: Mapping[str, Any]) -> None:
        remedy = "ask for the same, or choose another folder"
        check_same_settings(f"{self.path} is a data set", kept, self._wanted, remedy, ignore=("size",))
        if kept["size"] > self.size:
            raise SynthgymError(
                f"{self.path} is a set of {kept['size']:,} items; ask for as many or more, "
                "or choose another folder"
            )

    def _open_array(self, name: str, recipe: Recipe) -> Any:
        wanted = self._create(name, recipe, {})
        try:
            array = open_array(self.path, name, mode="r+")
            # What else zarr.json says is of an older size, or damaged: Zarr would go through all blocks that
            # it claims to resize it, or write other bytes. It follows from the recipe.
            if array.metadata == wanted.metadata:
                return array
        except SynthgymError:  # missing or damaged
            pass
        (self.path / name / "zarr.json").unlink(missing_ok=True)
        return self._create(name, recipe, self.path / name)

    def _create(self, name: str, recipe: Recipe, where: Path | dict[str, Any]) -> Any:
        """Return a new array in a folder, whose blocks stay, or in memory."""
        shape, dtype = recipe.arrays()[name]
        return zarr.create_array(
            where,
            shape=(self.size, *shape),
            dtype=dtype,
            shards=(self.block, *shape),
            chunks=(recipe.chunk(name), *shape),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            fill_value=LEFT_OUT if name == "split" else 0,
            dimension_names=_axes(name, len(shape)),
            # Chunks of zeros are written too: what is missing is not made yet.
            config={"write_empty_chunks": True},
        )

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.size // self.block)

    def span(self, number: int) -> tuple[int, int]:
        """Return the first item of a block, and the one after its last.

        Args:
            number: of the block, from 0.

        Returns:
            Two numbers of items.
        """
        return number * self.block, min((number + 1) * self.block, self.size)

    def is_recorded(self, start: int, stop: int) -> bool:
        """Return whether the index says that a block is made, and its files have the sizes that it says.

        Args:
            start: number of its first item.
            stop: number after its last.

        Returns:
            False also if the index is missing or damaged there; the block may be good nonetheless.
        """
        assert self._made is not None
        said = self._made.says(start // self.block)
        return said is not None and said == [stop - start, *self._sizes(start)]

    def record(self, start: int, stop: int) -> None:
        """Record in the index that a block is made.

        Args:
            start: number of its first item.
            stop: number after its last.
        """
        assert self._made is not None
        self._made.record(start // self.block, stop - start, self._sizes(start))

    def forget(self, start: int) -> None:
        """Record in the index that nothing is known of a block.

        Args:
            start: number of its first item.

        Raises:
            SynthgymError: it cannot be written.
        """
        assert self._made is not None
        try:
            self._made.forget(start // self.block)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _sizes(self, start: int) -> list[int]:
        """Return the bytes of each file of a block, 0 for one that is missing."""
        files = [self._shard(name, start) for name in sorted(self._arrays)]
        return [file.stat().st_size if file.is_file() else 0 for file in files]

    def good(self, start: int, stop: int) -> bool:
        """Return whether a block is there and undamaged, in every array.

        Args:
            start: number of its first item.
            stop: number after its last.

        Returns:
            False if a file is missing, empty or cannot be decoded.
        """
        for name, array in self._arrays.items():
            file = self._shard(name, start)
            # Zarr reads a file without any bytes as zeros.
            if not file.is_file() or not file.stat().st_size:
                return False
            try:
                array[start:stop]
            except (MemoryError, OSError):  # of this machine, not of the file
                raise
            except Exception:  # whatever a decoder says of damaged bytes
                return False
        return True

    def read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Return items of an array.

        Args:
            name: of the array.
            start: number of the first item.
            stop: number after the last.

        Returns:
            The array (stop - start, ...), from blocks that are good.
        """
        items: NDArray[Any] = self._arrays[name][start:stop]
        return items

    def write(self, start: int, block: Mapping[str, NDArray[Any]]) -> None:
        """Write a block.

        Args:
            start: number of its first item.
            block: arrays (items, ...) by the names of the store's.

        Raises:
            SynthgymError: it cannot be written; all that was written before is kept.
        """
        self.forget(start)
        try:
            # In a thread, for which the end of the block waits: interrupted, Zarr leaves tasks behind that
            # Python complains of.
            with ThreadPoolExecutor(1) as writer:
                writer.submit(self._write, start, block).result()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _write(self, start: int, block: Mapping[str, NDArray[Any]]) -> None:
        self._remove(start, block)  # Zarr would read what is there, which may be damaged
        for name in reversed(_split_first(block)):
            self._arrays[name][start : start + len(block[name])] = block[name]
        self.record(start, start + len(block["split"]))

    def _remove(self, start: int, names: Iterable[str]) -> None:
        for name in _split_first(names):
            self._shard(name, start).unlink(missing_ok=True)

    def _shard(self, name: str, start: int) -> Path:
        """Return the file of the block that holds an item."""
        return shard(self.path, name, start // self.block, self._dimensions[name])


def _axes(name: str, axes: int) -> list[str] | None:
    """Return the names of the axes of an array, ``axes`` of them beside the items; None if they have none."""
    if not axes:
        return ["item"]
    return ["item", *["note"] * (axes - 2), "frame", "bin"] if name.startswith("features/") else None


def _split_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name != "split", name))


def _open_group(path: Path) -> None:
    """Make a Zarr group if it is missing or its zarr.json, which says nothing else, is damaged."""
    try:
        zarr.open_group(path, mode="r")
    except Exception:  # whatever Zarr says of what is no group
        (path / "zarr.json").unlink(missing_ok=True)
        zarr.open_group(path, mode="a")


def _as_json(recipe: Recipe) -> dict[str, Any]:
    """Return the manifest of a recipe as it is read again: tuples are lists."""
    manifest: dict[str, Any] = json.loads(json.dumps(recipe.manifest(), allow_nan=False))
    return manifest
