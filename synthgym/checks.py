"""Numbers and arrays from outside, checked and made plain."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError, UnknownNameError, quoted


def number(name: str, value: Any, low: float, high: float) -> float:
    """Return a real number from low to high as a float; SynthgymError naming it otherwise.

    Args:
        name: what the message calls the value.
        value: anything; a bool, NaN and infinity are no numbers here.
        low: the lowest that is allowed.
        high: the highest that is allowed.

    Returns:
        The value as a float in [low, high].

    Raises:
        SynthgymError: it is no number, or out of range.
    """
    good = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (good and low <= value <= high):  # NaN is in no range
        raise SynthgymError(f"{name} must be a number from {low:.7g} to {high:.7g}; got {quoted(value)}")
    return float(value)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number from low to high as an int; SynthgymError naming it otherwise.

    Args:
        name: what the message calls the value.
        value: anything; a bool is no number here, nor is a float such as 2.0.
        low: the lowest that is allowed.
        high: the highest that is allowed.

    Returns:
        The value as an int in [low, high].

    Raises:
        SynthgymError: it is no whole number, or out of range.
    """
    good = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not (good and low <= value <= high):
        raise SynthgymError(f"{name} must be a whole number from {low} to {high}; got {quoted(value)}")
    return int(value)


def truth(name: str, value: Any) -> bool:
    """Return a bool as it is; SynthgymError naming it otherwise.

    Args:
        name: what the message calls the value.
        value: anything; only a bool of Python or NumPy passes, not 0 or 1.

    Returns:
        The value as a bool of Python.

    Raises:
        SynthgymError: it is something else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise SynthgymError(f"{name} must be True or False; got {quoted(value)}")
    return bool(value)


def one_of(kind: str, value: Any, known: Iterable[str]) -> None:
    """Raise UnknownNameError, with near matches, unless a value is one of the known names.

    Args:
        kind: what the message calls such a name.
        value: anything.
        known: the names that are allowed.

    Raises:
        UnknownNameError: the value is none of them.
    """
    known = list(known)
    if not isinstance(value, str) or value not in known:  # an array is compared value by value
        raise UnknownNameError(kind, value, known)


def floats(name: str, values: Any) -> NDArray[np.float64]:
    """Return an array of real numbers as float64; SynthgymError naming it if it is none.

    Args:
        name: what the message calls the values.
        values: an array or nested sequences of floats, whole numbers or bools, of any shape.

    Returns:
        A new float64 array of the same shape; NaN and infinity pass.

    Raises:
        SynthgymError: it is ragged, or of another type.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"it is of type {array.dtype}")
        return array.astype(np.float64)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:  # tensors raise the last
        raise SynthgymError(f"{name} must be an array of numbers; {error}") from error
