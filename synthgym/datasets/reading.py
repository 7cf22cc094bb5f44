"""Items of a data set's arrays, and one line where they are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.files import reason


def read(array: Any, items: slice | NDArray[np.int64]) -> NDArray[Any]:
    """Read items of an array of a data set.

    Args:
        array: Zarr's, (items, ...).
        items: a slice with start and stop, or the numbers of items, ascending.

    Returns:
        What the array holds there.

    Raises:
        SynthgymError: a file of it is damaged, or cannot be read.
    """
    try:
        found: NDArray[Any] = array[items] if isinstance(items, slice) else array.oindex[items]
    except OSError as error:
        raise SynthgymError(f"cannot read {_folder(array)}: {reason(error)}") from error
    except (IndexError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder says of damaged bytes
        first, last = (items.start, items.stop - 1) if isinstance(items, slice) else (items[0], items[-1])
        raise SynthgymError(
            f"{_folder(array)} is damaged at items {first} to {last}; give its command again with --verify"
        ) from error
    return found


def _folder(array: Any) -> Path:
    return Path(array.store.root, array.path)
