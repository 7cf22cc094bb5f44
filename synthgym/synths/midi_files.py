"""The system-exclusive messages of MIDI files.

Format: Standard MIDI Files 1.0 (MIDI Manufacturers Association, 1996). A message may be sent in parts, each
an event of its own, with others between them; F7 begins what is sent as it is.
"""

from __future__ import annotations

import re

_HEAD = 512
"""A file may be within another, as RIFF or MacBinary, or have lost its first chunk."""
_DIGITS = 5
"""Of a number, at most: some programs write one more than they should."""
_LOST = re.compile(rb"[\xf0\xf7][\x80-\xff]{0,4}[\x00-\x7f]\xf0?\x43")
"""An event with a message of Yamaha's, from which a track is read on that could not be read before it."""
_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""Of other messages of a MIDI line, which do not belong into a file."""


def is_midi_file(data: bytes) -> bool:
    """Return whether data are those of a MIDI file."""
    return b"MThd" in data[:_HEAD] or b"MTrk" in data[:_HEAD]


def system_exclusive(data: bytes) -> bytes:
    """Return the system-exclusive messages of a MIDI file, as they would be sent, one after the other.

    Args:
        data: the file. What cannot be read of it is passed over, up to the next message of Yamaha's or the
            next track.

    Returns:
        The messages, each from F0 on.
    """
    messages, at, track = bytearray(), 0, -1
    while True:
        if track < at:
            track = data.find(b"MTrk", at)
            track = len(data) if track < 0 else track
        lost = _LOST.search(data, at, track) if at else None
        if lost is not None:
            at = _events(data, lost.start(), messages)
        elif track < len(data):
            at = _events(data, _number(data, track + 8)[1], messages)
        else:
            return bytes(messages)


def _events(data: bytes, at: int, messages: bytearray) -> int:
    """Add the messages of the events from a place on, behind the time of the first; return their end."""
    running = 0
    while at < len(data):
        status = data[at] if data[at] & 0x80 else running
        at += data[at] >> 7
        if status in (0xF0, 0xF7):
            length, at = _number(data, at)
            end = at + length
            if data[end - 2 : end - 1] == b"\xf7" != data[end - 1 : end]:  # the length counts F0, too
                end -= 1
            messages += b"\xf0" * (status == 0xF0) + data[at:end]
            at = end
        elif status == 0xFF:
            if data[at : at + 1] == b"\x2f":  # the end of a track
                return at
            length, at = _number(data, at + 1)
            at += length
        elif status >= 0xF0:
            at += _DATA_BYTES.get(status, 0)
        elif status >= 0x80:
            running = status
            at += 1 if status & 0xE0 == 0xC0 else 2
        else:
            return at
        _, at = _number(data, at)  # the time to the next
    return at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in digits of seven bits, and where it ends."""
    number = 0
    for digit in data[at : at + _DIGITS]:
        number, at = number << 7 | digit & 0x7F, at + 1
        if digit < 0x80:
            break
    return number, at
