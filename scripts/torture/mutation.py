"""Mutated inputs, each a function of a random generator: of bytes, of values as JSON has them, of words."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 127, 128, 255, 2**31 - 1, 2**31, -(2**31), 2**32, 2**63 - 1, 2**63, 2**64, 10**30),
    *(0.5, -0.0, 1e-308, 1e38, 1e39, 1e308, float("inf"), float("-inf"), float("nan"), 10**400),
)
"""What a number is replaced by."""
OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "x",
    "\x00",
    "\u00e4\u20ac",
    "../..",
    [],
    {},
    [[]],
    [1, [2]],
)
"""What any value is replaced by, besides numbers."""
_WORDS = (
    "",
    "-",
    "--",
    "x",
    "nan",
    "inf",
    "-1",
    "1e400",
    "[",
    "{",
    "null",
    "../..",
    "/dev/null",
    "\u00e4",
    "a=b",
)
_COUNTS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""What a count of one, two or four bytes is replaced by."""


def generator(seed: int, *path: int) -> np.random.Generator:
    """Return the generator of one trial: a function of the seed and the numbers that tell the trial."""
    return np.random.default_rng([seed, *path])


def pick(rng: np.random.Generator, among: Sequence[Any]) -> Any:
    """Return one of a sequence as it is, whatever NumPy would make of it."""
    return among[int(rng.integers(len(among)))]


def mutated_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Return bytes with one to eight changes, which are as often near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(int(pick(rng, (1, 1, 2, 3, 8)))):
        at = int(rng.integers(len(changed) + 1))
        if rng.random() < 0.5:
            at = min(at, int(rng.integers(64)))
        length = int(pick(rng, (1, 2, 4, 8, 64)))
        match int(rng.integers(7)):
            case 0 if at < len(changed):
                changed[at] ^= 1 << int(rng.integers(8))
            case 1:
                changed[at : at + length] = rng.bytes(length)
            case 2:
                del changed[at:]
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = rng.bytes(length)
            case 5:
                source = int(rng.integers(len(changed) + 1))
                changed[at:at] = changed[source : source + 16 * length]
            case _:
                order, size = pick(rng, ("little", "big")), int(pick(rng, (1, 2, 4)))
                count = int(pick(rng, _COUNTS)) & (256**size - 1)
                changed[at : at + size] = count.to_bytes(size, order)
    return bytes(changed)


def mutated_value(rng: np.random.Generator, value: Any) -> Any:
    """Return a value of dicts, lists, texts and numbers with one to four changes somewhere in it."""
    changed = copy.deepcopy(value)
    for _ in range(int(pick(rng, (1, 1, 2, 4)))):
        changed = _changed(rng, changed)
    return changed


def _changed(rng: np.random.Generator, value: Any) -> Any:
    inner: list[Any] = list(value) if isinstance(value, dict) else list(range(len(_list(value))))
    if not inner or rng.random() < 0.1:
        return _replaced(rng, value)
    key, kind = pick(rng, inner), rng.random()
    if kind < 0.1:
        del value[key]
    elif kind < 0.2:  # two fields change places, or one is there twice
        other = pick(rng, inner)
        value[key], value[other] = value[other], value[key]
    elif kind < 0.3 and isinstance(value, dict):
        value[pick(rng, ("", "x", "nam\u00e9", str(key).upper()))] = value[key]
    elif kind < 0.3:
        value.insert(key, copy.deepcopy(value[key]))
    else:
        value[key] = _changed(rng, value[key])
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _replaced(rng: np.random.Generator, value: Any) -> Any:
    if isinstance(value, str) and value and rng.random() < 0.4:
        return mutated_text(rng, value)
    return pick(rng, NUMBERS) if rng.random() < 0.6 else copy.deepcopy(pick(rng, OTHERS))


def mutated_text(rng: np.random.Generator, text: str) -> str:
    """Return a text whose characters were changed as bytes are, without those that no argument may hold."""
    changed = mutated_bytes(rng, text.encode("utf-8", "surrogateescape"))
    return changed.replace(b"\0", b"?").decode("utf-8", "replace")


def mutated_words(rng: np.random.Generator, words: Sequence[str]) -> list[str]:
    """Return a command line with one to three changes: words replaced, lost, doubled, swapped, misspelled."""
    changed = list(words)
    for _ in range(int(pick(rng, (1, 1, 2, 3)))):
        at, other = (int(rng.integers(max(1, len(changed)))) for _ in range(2))
        match int(rng.integers(6)):
            case _ if not changed:
                break
            case 0:
                del changed[at]
            case 1:
                changed.insert(at, changed[other])
            case 2:
                changed[at], changed[other] = changed[other], changed[at]
            case 3:
                changed[at] = mutated_text(rng, changed[at])
            case 4:
                changed[at] = pick(rng, _WORDS)
            case _:
                changed[at] = as_text(pick(rng, NUMBERS))
    return changed


def as_text(value: Any) -> str:
    """Return a value as a person would write it in a command; a number that is too long for ``str`` too."""
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except ValueError:
        return "1" + "0" * 400


def mutated_json(rng: np.random.Generator, data: bytes) -> bytes:
    """Return JSON whose values were changed, and now and then its bytes."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, data)
    return json.dumps(mutated_value(rng, json.loads(data))).encode()


def mutated_yaml(rng: np.random.Generator, data: bytes) -> bytes:
    """Return YAML whose values were changed, and now and then its bytes."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, data)
    return yaml.safe_dump(mutated_value(rng, yaml.safe_load(data)), allow_unicode=True).encode()
