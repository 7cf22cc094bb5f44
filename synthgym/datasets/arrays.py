"""The Zarr arrays of a data set, and the files they are kept in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import zarr

from synthgym.errors import SynthgymError
from synthgym.files import reason

AGAIN = "give the command that makes it again"


class ReadArray(zarr.Array[Any]):
    """A Zarr array of a data set whose damaged files are named when they are read."""

    def get_basic_selection(self, *args: Any, **options: Any) -> Any:
        """Return what an index of whole numbers and slices chooses, as Zarr does."""
        with _naming(self):
            return super().get_basic_selection(*args, **options)

    def get_orthogonal_selection(self, *args: Any, **options: Any) -> Any:
        """Return what an index for each axis chooses, as Zarr does."""
        with _naming(self):
            return super().get_orthogonal_selection(*args, **options)


@contextmanager
def _naming(array: ReadArray) -> Iterator[None]:
    try:
        yield
    except (IndexError, TypeError, MemoryError):  # of who asks
        raise
    except Exception as error:  # of the disk, or whatever a decoder says of damaged bytes
        place = getattr(array.store, "root", array.store_path)
        if isinstance(error, OSError):
            raise SynthgymError(f"cannot read {place}: {reason(error)}") from error
        why = " ".join(str(error).split())
        raise SynthgymError(
            f"{place}: a file of the array is damaged ({why:.150}); {AGAIN} with --verify"
        ) from error


def open_array(path: Path, name: str, *, mode: Literal["r", "r+"] = "r") -> Any:
    """Open an array of a data set; SynthgymError, with the cause, if it is missing or damaged.

    Args:
        path: the folder of the data set.
        name: the array's name in it.
        mode: "r" to read, "r+" to write to it, too.

    Returns:
        The Zarr array.

    Raises:
        SynthgymError: it is missing or damaged.
    """
    # Chunks of zeros are written too: what is missing is not made yet.
    config: Any = {"write_empty_chunks": True}
    try:
        array = zarr.open_array(path / name, mode=mode, config=config)
    except FileNotFoundError as error:
        raise SynthgymError(f"{path} has no array {name} yet; {AGAIN}") from error
    except Exception as error:  # whatever Zarr says of damaged metadata
        why = " ".join(str(error).split()) or type(error).__name__
        raise SynthgymError(f"{path}: the array {name} is damaged ({why:.200}); {AGAIN}") from error
    return ReadArray(array._async_array) if mode == "r" else array


def shard(path: Path, name: str, block: int, dimensions: int) -> Path:
    """Return the file that holds a block of an array of so many dimensions.

    Args:
        path: the folder of the data set.
        name: the array's name in it.
        block: the number of the block along the first axis, from 0.
        dimensions: how many axes the array has, 1 or more.

    Returns:
        The file's path, whether or not it exists.
    """
    return path / name / "c" / str(block) / Path(*["0"] * (dimensions - 1))


def check_shards(path: Path, arrays: dict[str, Any], size: int, block: int) -> None:
    """Raise SynthgymError unless every block that is made, as its split says, is there in all arrays.

    Zarr reads a file that is missing as its fill value, and one without any bytes as zeros.

    Args:
        path: the folder of the data set.
        arrays: its Zarr arrays by name.
        size: how many items the data set has.
        block: how many items a block has.

    Raises:
        SynthgymError: a file is missing or empty.
    """
    for number in range(-(-size // block)):
        if not shard(path, "split", number, 1).exists():
            continue  # not made yet: its items are left out
        for name, array in arrays.items():
            file = shard(path, name, number, array.ndim)
            if not (file.is_file() and file.stat().st_size):
                raise SynthgymError(f"{path}: {file.relative_to(path)} is missing or empty; {AGAIN}")
