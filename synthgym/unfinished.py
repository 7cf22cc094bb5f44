"""Recordings whose device was switched off before it wrote how long they are."""

from __future__ import annotations

import io
import re
from typing import Literal

_TO_THE_END = b"\xff\xff\xff\xff"
"""A length that libsndfile takes for: as far as the file goes."""
_AU_LENGTH = 8
_CHUNK = re.compile(rb"LIST|cue |id3 |ID3 |bext|smpl|inst|_PMX|iXML|acid|PEAK|JUNK|plst|fact|axml|umid|cart")
"""What may follow the samples in a WAV file."""


def with_length(path: bytes) -> io.BytesIO | None:
    """Return a WAV, RF64 or AU file whose header says a length of 0, with one that reaches to its end.

    It ends before the chunks that follow the samples, if there are some. None if it is no such file.
    """
    with open(path, "rb") as file:  # noqa: PTH123, its name may be bytes
        magic = file.read(4)
        if magic not in (b"RIFF", b"RIFX", b"RF64", b".snd"):
            return None
        file.seek(0)
        held = io.BytesIO(file.read())
    order: Literal["big", "little"] = "big" if magic == b"RIFX" else "little"
    with held.getbuffer() as whole:  # and no copy, as a long recording is large
        at = _AU_LENGTH if magic == b".snd" else _data_length(whole, order)
        if magic == b"RF64":  # whose length stands elsewhere, and is 0 there
            whole[:4] = b"RIFF"
        elif at is not None and any(whole[at : at + 4]):
            return None
        if at is None:
            return None
        whole[at : at + 4] = _TO_THE_END
        end = len(whole) if magic == b".snd" else _end_of_samples(whole, at + 4, order)
    held.truncate(end)
    return held


def _end_of_samples(whole: memoryview, begin: int, order: Literal["big", "little"]) -> int:
    """Return where the samples of a WAV file end: before chunks that fill the rest of it exactly."""
    walked: set[int] = set()
    for found in _CHUNK.finditer(whole, begin):
        at = found.start()
        while at not in walked and at + 8 <= len(whole) and _CHUNK.match(whole, at):
            walked.add(at)
            size = int.from_bytes(whole[at + 4 : at + 8], order)
            at += 8 + size + size % 2
        if at - len(whole) in (0, 1):  # the last may lack its padding
            return found.start()
    return len(whole)


def _data_length(whole: memoryview, order: Literal["big", "little"]) -> int | None:
    """Return where the length of a WAV's samples stands: behind the id of its chunk ``data``."""
    at = 12
    while at + 8 <= len(whole):
        if bytes(whole[at : at + 4]) == b"data":
            return at + 4
        size = int.from_bytes(whole[at + 4 : at + 8], order)
        at += 8 + size + size % 2
    return None
