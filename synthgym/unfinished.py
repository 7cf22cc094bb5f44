"""Recordings whose device was switched off before it wrote how long they are."""

from __future__ import annotations

import io
import re
from typing import Literal

_TO_THE_END = b"\xff\xff\xff\xff"
"""A length that libsndfile takes for: as far as the file goes."""
_HEAD = re.compile(rb"RI(FF|FX)....WAVE|RF64....WAVE|FORM....AIF[FC]|\.snd|caff", re.DOTALL)
"""How files begin whose length can be mended: no film, which is long."""
_AU_LENGTH = slice(8, 12)
_CHUNK = re.compile(rb"LIST|cue |id3 |ID3 |bext|smpl|inst|_PMX|iXML|acid|PEAK|JUNK|plst|fact|axml|umid|cart")
"""What may follow the samples in a WAV file."""

Order = Literal["big", "little"]


def with_length(path: bytes) -> io.BytesIO | None:
    """Return a WAV, RF64, AU, CAF or AIFF file that says no length yet, with one that reaches to its end.

    In a WAV file it ends before the chunks that follow the samples. None if it is no such file.
    """
    with open(path, "rb") as file:  # noqa: PTH123, its name may be bytes
        head = file.read(12)
        if not _HEAD.match(head):
            return None
        file.seek(0)
        held = io.BytesIO(file.read())
    with held.getbuffer() as whole:  # and no copy, as a long recording is large
        match head[:4]:
            case b"caff":
                end = _mend_caf(whole)
            case b"FORM":
                end = _mend_aiff(whole)
            case b".snd":
                end = _mend_au(whole)
            case b"RIFX":
                end = _mend_wav(whole, "big")
            case _:
                end = _mend_wav(whole, "little")
    if end is None:
        return None
    held.truncate(end)
    return held


def _mend_au(whole: memoryview) -> int | None:
    if len(whole) < _AU_LENGTH.stop or any(whole[_AU_LENGTH]):
        return None
    whole[_AU_LENGTH] = _TO_THE_END
    return len(whole)


def _mend_wav(whole: memoryview, order: Order) -> int | None:
    at = _length_of(b"data", whole, 12, order)
    is_64 = bytes(whole[:4]) == b"RF64"  # whose length stands elsewhere, and is 0 there
    if at is None or (any(whole[at : at + 4]) and not is_64):
        return None
    if is_64:
        whole[:4] = b"RIFF"
    whole[at : at + 4] = _TO_THE_END
    return _end_of_samples(whole, at + 4, order)


def _mend_caf(whole: memoryview) -> int | None:
    """A CAF file may say -1 while it is written; libsndfile takes no length but the true one."""
    at = _length_of(b"data", whole, 8, "big", 8)
    if at is None:
        return None
    left = len(whole) - at - 8
    if 0 < int.from_bytes(whole[at : at + 8], "big") <= left:  # and -1 is more than all
        return None
    whole[at : at + 8] = left.to_bytes(8, "big")
    return len(whole)


def _mend_aiff(whole: memoryview) -> int | None:
    """Nothing but the two numbers before the samples is there yet; libsndfile reads 0 to the end."""
    at = _length_of(b"SSND", whole, 12, "big")
    finished = int.from_bytes(whole[4:8], "big") == len(whole) - 8
    if at is None or finished or bytes(whole[at : at + 4]) != b"\0\0\0\x08":
        return None
    whole[at : at + 4] = bytes(4)
    return len(whole)


def _end_of_samples(whole: memoryview, begin: int, order: Order) -> int:
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


def _length_of(chunk: bytes, whole: memoryview, at: int, order: Order, size: int = 4) -> int | None:
    """Return where the length of a chunk stands, of ``size`` bytes; the first chunk is at ``at``."""
    while at + 4 + size <= len(whole):
        if bytes(whole[at : at + 4]) == chunk:
            return at + 4
        length = int.from_bytes(whole[at + 4 : at + 4 + size], order)
        at += 4 + size + length + (length % 2 if size == 4 else 0)  # chunks of CAF are not padded
    return None
