"""Recordings whose device was switched off before it wrote how long they are."""

from __future__ import annotations

import io
from typing import Literal

_TO_THE_END = b"\xff\xff\xff\xff"
"""A length that libsndfile takes for: as far as the file goes."""
_AU_LENGTH = 8


def with_length(path: bytes) -> io.BytesIO | None:
    """Return a WAV, RF64 or AU file whose header says a length of 0, with one that reaches to its end.

    None if it is no such file.
    """
    with open(path, "rb") as file:  # noqa: PTH123, its name may be bytes
        magic = file.read(4)
        if magic not in (b"RIFF", b"RIFX", b"RF64", b".snd"):
            return None
        file.seek(0)
        held = io.BytesIO(file.read())
    whole = held.getbuffer()  # and no copy, as a long recording is large
    at = _AU_LENGTH if magic == b".snd" else _data_length(whole, "big" if magic == b"RIFX" else "little")
    if magic == b"RF64":  # whose length stands elsewhere, and is 0 there
        whole[:4] = b"RIFF"
    elif at is not None and any(whole[at : at + 4]):
        return None
    if at is None:
        return None
    whole[at : at + 4] = _TO_THE_END
    return held


def _data_length(whole: memoryview, order: Literal["big", "little"]) -> int | None:
    """Return where the length of a WAV's samples stands: behind the id of its chunk ``data``."""
    at = 12
    while at + 8 <= len(whole):
        if bytes(whole[at : at + 4]) == b"data":
            return at + 4
        size = int.from_bytes(whole[at + 4 : at + 8], order)
        at += 8 + size + size % 2
    return None
