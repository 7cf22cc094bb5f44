"""Voices of a Yamaha DX7 in files as people have them: dumps, bare or in MIDI files.

Formats: Yamaha DX7 Owner's Manual (1983), MIDI data format. A dump is system-exclusive: F0 43, channel,
format (0: one voice of 155 bytes, 9: a bank of 32 packed voices), the count of bytes, the bytes, a checksum,
F7. What is not so is told by the dump's length, as hexter and Dexed do it: some programs write another count
or another format, recorders leave real-time messages inside, or lose the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from synthgym.synths.dexed_py import Patch
from synthgym.synths.dx7_parameters import VOICE_BYTES
from synthgym.synths.midi_files import is_midi_file, system_exclusive

PACKED_BYTES = 128
BANK_BYTES = 32 * PACKED_BYTES

_REAL_TIME = bytes(range(0xF8, 0x100))
_HEADERS = (
    (rb"\xf0", rb"\x43", rb"[\x00-\x7f]", rb"[\x00\x09]", rb"[\x00-\x7f]", rb"[\x00-\x7f]"),
    # All highest bits may be set.
    (
        rb"\xf0",
        rb"[\x43\xc3]",
        rb"[\x00-\x0f\x80-\x8f]",
        rb"[\x00\x09\x80\x89]",
        rb"[\x00-\xef]",
        rb"[\x00-\xef]",
    ),
)
_START = re.compile(b"|".join(rb"[\xf8-\xff]*".join(header) for header in _HEADERS))
"""The header of a dump of one voice or of a bank, whatever its count says."""
_CUT_START = re.compile(rb"\x43[\x00-\x0f][\x00\x09][\x00-\x7f]{2}")
"""Of a dump whose first byte was lost."""
_NO_TEXT = re.compile(rb"[^\0\t\n\r\x1a\x20-\x7e]")
_END = re.compile(rb"[\xf0-\xf7]")
_NAME = 10
"""Bytes at the end of a voice."""
_SHORT = "a byte of the dump is missing: its checksum, or one within, behind which its voices are wrong"
_LINE_END = b"\r\n\x1a\0"
"""And that of a file, as of old systems, and what fills one up."""
_MESSAGE = 100
"""Bytes: what is shorter is no dump that was lost."""
_MACBINARY = 128
"""Bytes before a file of an old Macintosh (MacBinary II)."""


class _Read(NamedTuple):
    """A dump as it may be read: the less doubtful, the better."""

    doubt: tuple[int, bool]
    payload: bytes
    remarks: list[str]


def dumps(data: bytes) -> tuple[list[bytes], list[str]]:
    """Return the voices in a file.

    Args:
        data: the whole file.

    Returns:
        What each dump holds: 155 bytes of one voice, or 128 of each of several, all below 80; and what was
        not right.
    """
    data = _without_macbinary(data)
    payloads, remarks = [], []
    for dump in _dumps(data):
        if read := _read_dump(dump):
            payloads.append(read.payload)
            remarks += [f"{remark}, loaded anyway" for remark in read.remarks]
        elif (length := len(dump.partition(b"\xf7")[0])) >= _MESSAGE:
            remarks.append(f"a dump of {length:,} bytes is neither a voice nor a bank, passed over")
    if not payloads:
        payloads, remarks = _bare(data)
    return payloads, remarks


def what_it_is(data: bytes) -> str:
    """Return what a file without a voice is, or how many bytes it has."""
    if is_midi_file(data):
        return "a MIDI file without a dump of one"
    if re.search(rb"\xf0\x43[\x00-\x7f][\x03\x04]", data):
        return "its voices are of another Yamaha, with four operators"
    if data and not _NO_TEXT.search(data):
        return f"{len(data):,} bytes of text or zeros"
    sizes = f"where a single voice has {VOICE_BYTES + 8} and a bank {BANK_BYTES + 8}"
    return f"{len(data):,} bytes, {sizes}, or packed voices {PACKED_BYTES} each"


def checksum(payload: bytes) -> int:
    """Return the checksum of a dump's bytes, 0 to 127."""
    return -sum(payload) & 0x7F


def _without_macbinary(data: bytes) -> bytes:
    """Return the file behind the head that old Macintoshes put before it, if there is one."""
    if len(data) <= _MACBINARY or len(data) % BANK_BYTES == 0 or any(data[i] for i in (0, 74, 82)):
        return data
    name, length = data[2 : 2 + data[1]], int.from_bytes(data[83:87], "big")
    is_named = 0 < len(name) < 64 and not _NO_TEXT.search(name) and not data[2 + len(name) : 65].strip(b"\0")
    if not is_named or _MACBINARY + length > len(data):
        return data
    return data[_MACBINARY : _MACBINARY + length if length else None]


def _dumps(data: bytes) -> Iterator[bytes]:
    """Give what follows each header, to the next one."""
    if is_midi_file(data) and _START.search(messages := system_exclusive(data)):
        data = messages
    elif _CUT_START.match(data):
        data = b"\xf0" + data
    starts = list(_START.finditer(data))
    for i, start in enumerate(starts):
        yield data[start.end() : starts[i + 1].start() if i + 1 < len(starts) else len(data)]


def _read_dump(dump: bytes) -> _Read | None:
    """Return a dump, without its header, as it is likeliest to be meant; None if it has another length."""
    found = []
    for data in dict.fromkeys((dump.translate(None, delete=_REAL_TIME), dump)):
        ended = _END.search(data)
        length = len(data) if ended is None else ended.start()
        for size in (VOICE_BYTES, BANK_BYTES):
            # Where bytes above 7F are among the voices, F7 may be one, and the dump ends where it should.
            whole = data[size + 1 : size + 2] == b"\xf7"
            if not whole and length not in (size, size + 1):
                continue
            payload, remarks = _below_80(data[:size])
            is_right = len(data) > size and data[size] & 0x7F == checksum(payload)
            if not whole:
                remarks.append(_SHORT if ended and length == size else "the end of the dump is missing")
            elif not is_right:
                remarks.append("wrong checksum")
            found.append(_Read((2 - 2 * is_right + (not whole), len(remarks) > 1), payload, remarks))
    return min(found, key=lambda read: read.doubt, default=None)


def _below_80(data: bytes) -> tuple[bytes, list[str]]:
    if max(data) < 0x80:
        return data, []
    return bytes(byte & 0x7F for byte in data), ["bytes above 7F; their highest bit is left out"]


def _bare(data: bytes) -> tuple[list[bytes], list[str]]:
    """Return voices that have no header; none if the file holds something else."""
    if not data or not _NO_TEXT.search(data) or data[0] == 0xF0:  # the message of another
        return [], []
    voices = _parts(data, VOICE_BYTES)
    if voices and all(map(_is_voice, voices)):
        return voices, []
    data = b"".join(_parts(data, BANK_BYTES)) or data
    over = len(data) % PACKED_BYTES
    if over and (not data[-over:].strip(_LINE_END) or data[-over:] in _ends(data[:-over])):
        data = data[:-over]
    if len(data) % PACKED_BYTES:
        return [], []
    used = len(data.rstrip(b"\0"))
    data = data[: -(-used // BANK_BYTES) * BANK_BYTES]  # no more than banks that hold something
    # Most of what has such bytes is something else. Voices have names that can be read.
    names = (data[at - _NAME : at] for at in range(PACKED_BYTES, len(data) + 1, PACKED_BYTES))
    if not data or (max(data) > 0x7F and not all(0x20 <= b & 0x7F < 0x7F for name in names for b in name)):
        return [], []
    payload, remarks = _below_80(data)
    return [payload], [f"{remark}, loaded anyway" for remark in remarks]


def _parts(data: bytes, size: int) -> list[bytes]:
    """Return the parts of so many bytes that make up data, each with the end of a dump, or none of them."""
    for more in (0, 1, 2):
        parts = [data[at : at + size + more] for at in range(0, len(data), size + more)]
        if all(
            len(part) == size + more and (not more or part[size:] in _ends(part[:size])) for part in parts
        ):
            return [part[:size] for part in parts]
    return []


def _is_voice(data: bytes) -> bool:
    """Return whether all bytes are what a voice may hold there: no other format has so many limits."""
    return Patch.from_sysex(data).to_sysex()[:VOICE_BYTES] == data and not _NO_TEXT.search(data[-_NAME:])


def _ends(payload: bytes) -> tuple[bytes, ...]:
    """Return what may be left of a dump's end."""
    ending = bytes([checksum(payload)])
    return b"\xf7", ending, ending + b"\xf7"
