"""The log of an evaluation: a line of JSON for every trial that is done."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.files import replaced

Row = dict[str, Any]
OF_A_TRIAL = ("agent", "kind", "target", "seed")
"""What tells trials apart."""
_TYPES = {"agent": str, "kind": str, "target": str, "seed": int, "curve": list, "rows": list}
_OF_A_ROW = ("budget", "distance", "parameters")


def line_of(trial: Row) -> str:
    """Return a trial as a line; numbers that are not finite, which JSON does not know, are null."""
    return json.dumps(_with_null(trial), allow_nan=False) + "\n"


def read_log(path: Path) -> list[Row]:
    """Return the trials of a log, and remove a last line that was cut off; its trial is made again.

    Numbers that are not finite are NaN, whether they were written as null or, as once, as ``NaN``.

    Raises:
        SynthgymError: another line is damaged, or of a trial that is there already; the log stays as it is.
        OSError: it cannot be read or written.
    """
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    trials = [_trial(path, number, line) for number, line in enumerate(whole, 1)]
    _check_each_is_there_once(path, trials)
    if lines != whole:
        with replaced(path) as temporary:
            temporary.write_bytes(b"".join(whole))
    return trials


def _trial(path: Path, number: int, line: bytes) -> Row:
    try:
        trial = json.loads(line.decode("utf-8"))
        if not all(isinstance(trial[name], kind) for name, kind in _TYPES.items()):
            raise TypeError
        if isinstance(trial["seed"], bool) or trial["seed"] < 0:
            raise ValueError
        trial["curve"] = [(render, _with_nan(distance)) for render, distance in trial["curve"]]
        trial["rows"] = [{name: _with_nan(value) for name, value in row.items()} for row in trial["rows"]]
        for render, distance in trial["curve"]:
            _check_numbers([render, distance])
        for row in trial["rows"]:
            _check_row(row)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise SynthgymError(
            f"{path}, line {number} is damaged; mend or delete that line and give the same command again: "
            "a trial without a line is made again, all others are kept"
        ) from error
    found: Row = trial
    return found


def _check_row(row: Row) -> None:
    """Raise an error unless the row of a trial can be summed up: it holds numbers, and lists of them."""
    if not all(name in row for name in _OF_A_ROW) or not isinstance(row["parameters"], list):
        raise TypeError
    if isinstance(row["budget"], bool) or not isinstance(row["budget"], int) or row["budget"] < 1:
        raise ValueError
    for value in row.values():
        _check_numbers(value if isinstance(value, list) else [value])


def _check_numbers(values: list[Any]) -> None:
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError
    np.array(values, np.float64)  # which whole numbers may be too large for


def _check_each_is_there_once(path: Path, trials: list[Row]) -> None:
    """Raise SynthgymError if a trial is there twice, as it would count twice."""
    lines: dict[tuple[Any, ...], int] = {}
    for number, trial in enumerate(trials, 1):
        first = lines.setdefault(tuple(trial[name] for name in OF_A_TRIAL), number)
        if first != number:
            raise SynthgymError(
                f"{path}, line {number} is of the same trial as line {first}; delete one of the two lines"
            )


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_null(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_null(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value: Any) -> Any:
    return math.nan if value is None else value
