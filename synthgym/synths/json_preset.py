"""Presets in JSON, which every synthesiser has: parameters by name."""

from __future__ import annotations

import json
from pathlib import Path

from synthgym.files import contents, replaced
from synthgym.parameters import Native, ParameterSpace


def write_json(space: ParameterSpace, native: Native, path: Path) -> None:
    """Write a native row (all parameters,) with the names, values and texts of its parameters.

    Args:
        space: of the parameters.
        native: float64 (all parameters,).
        path: the file; one that is there is replaced.

    Raises:
        OSError: it cannot be written.
    """
    with replaced(path) as temporary:
        described = {"parameters": space.describe(native)}
        temporary.write_text(json.dumps(described, indent=1), encoding="utf-8")


def read_json(space: ParameterSpace, path: Path) -> Native:
    """Return the native row (all parameters,) of what ``write_json`` wrote; what it does not name stays.

    Args:
        space: of the parameters.
        path: the file, in UTF-8, UTF-16 or UTF-32.

    Returns:
        Float64 (all parameters,).

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, lists no parameters, or none of the space.
        TypeError: a value is none of its parameter.
        RecursionError: it goes too deep.
    """
    described = json.loads(contents(path))
    try:
        values = {p["name"]: p["native"] for p in described["parameters"]}
    except (KeyError, TypeError) as error:
        raise ValueError("it lists no parameters by name and native value, as synthgym's do") from error
    if not values:
        raise ValueError("it names no parameter")
    return space.row(values)
