"""A data set on disk: a Zarr 3 group and a manifest beside it.

The items are cut into blocks, which are written whole: a block of an array is a file (a Zarr shard)
that appears under its name when it is complete. Every chunk in it bears a CRC-32C checksum, and so does
the shard's index, so that a damaged file is found by reading it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from synthgym.datasets.recipe import Recipe
from synthgym.datasets.sources import LEFT_OUT
from synthgym.errors import SynthgymError
from synthgym.files import unwritable
from synthgym.settings import check_same_settings

MANIFEST = "manifest.json"


class Store:
    """The files of a data set that is being made.

    Args:
        path: the folder; made if it is missing.
        recipe: what it is to hold.

    Raises:
        SynthgymError: the folder cannot be written, holds something else, or a set made with other
            settings or of more items.
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path, self.size, self.block = path, recipe.source.size, recipe.block()
        manifest = json.loads(json.dumps(recipe.manifest()))  # as it is read again: tuples are lists
        try:
            path.mkdir(parents=True, exist_ok=True)
            partial = path / f"{MANIFEST}.partial"  # may be there, of a write that was killed
            kept = read_manifest(path) if (path / MANIFEST).exists() else None
            if kept is None and any(found != partial for found in path.iterdir()):
                raise SynthgymError(f"{path} is not empty and no data set; choose another folder")
            if kept is not None:
                self._check(kept, manifest)
                for stray in path.rglob("*.partial"):  # nothing of anybody else's is in here
                    stray.unlink()
            if kept is not None and kept["size"] < self.size:
                # A block at the old end is not whole any more. It goes first: without it, the old set
                # is merely unfinished, and so is the new one.
                for name, (shape, _) in recipe.arrays().items():
                    self._shard(name, kept["size"], 1 + len(shape)).unlink(missing_ok=True)
            if kept != manifest:
                partial.write_text(json.dumps(manifest, indent=1))
                partial.replace(path / MANIFEST)
            group = zarr.open_group(path, mode="a")
            group.require_group("features")
            self._arrays = {name: self._open(name, recipe, group) for name in recipe.arrays()}
        except json.JSONDecodeError as error:
            raise SynthgymError(f"{path}: a zarr.json is damaged; choose another folder") from error
        except OSError as error:
            raise unwritable(path, error) from error

    def _check(self, kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        remedy = "ask for the same, or choose another folder"
        check_same_settings(f"{self.path} is a data set", kept, wanted, remedy, ignore=("size",))
        if kept["size"] > self.size:
            raise SynthgymError(
                f"{self.path} is a set of {kept['size']:,} items; ask for as many or more, "
                "or choose another folder"
            )

    def _shard(self, name: str, start: int, dimensions: int) -> Path:
        """Return the file of the block that holds an item."""
        return self.path / name / "c" / str(start // self.block) / Path(*["0"] * (dimensions - 1))

    def _open(self, name: str, recipe: Recipe, group: zarr.Group) -> Any:
        shape, dtype = recipe.arrays()[name]
        if name not in group:
            return group.create_array(
                name,
                shape=(self.size, *shape),
                dtype=dtype,
                shards=(self.block, *shape),
                chunks=(recipe.chunk(name), *shape),
                compressors=[ZstdCodec(level=1), Crc32cCodec()],
                fill_value=LEFT_OUT if name == "split" else 0,
                dimension_names=["item", "frame", "bin"][: 1 + len(shape)] if len(shape) != 1 else None,
                # Chunks of zeros are written too: what is missing is not made yet.
                config={"write_empty_chunks": True},
            )
        array: Any = group[name]
        if array.shape[0] != self.size:
            array.resize((self.size, *shape))
        return zarr.open_array(self.path / name, mode="r+", config={"write_empty_chunks": True})

    def blocks(self) -> list[tuple[int, int]]:
        """Return the first item of each block, and the one after its last."""
        return [(i, min(i + self.block, self.size)) for i in range(0, self.size, self.block)]

    def good(self, start: int, stop: int) -> bool:
        """Return whether a block is there and undamaged, in every array."""
        for name, array in self._arrays.items():
            shard = self._shard(name, start, array.ndim)
            # Zarr reads a file without any bytes as zeros.
            if not shard.is_file() or not shard.stat().st_size:
                return False
            try:
                array[start:stop]
            except Exception:  # whatever a decoder says of damaged bytes
                return False
        return True

    def write(self, start: int, block: Mapping[str, NDArray[Any]]) -> None:
        """Write a block.

        Raises:
            SynthgymError: it cannot be written; all that was written before is kept.
        """
        try:
            for name, values in block.items():
                # Zarr would read what is there, which may be damaged.
                self._shard(name, start, values.ndim).unlink(missing_ok=True)
                self._arrays[name][start : start + len(values)] = values
        except OSError as error:
            raise unwritable(self.path, error) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a data set; SynthgymError if there is none."""
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text())
        return manifest | {"size": int(manifest["size"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SynthgymError(f"{path} is no data set; make one with scripts/make_dataset.py") from error
