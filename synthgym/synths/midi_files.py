"""The system-exclusive messages of MIDI files.

Format: Standard MIDI Files 1.0 (MIDI Manufacturers Association, 1996). A message may be sent in parts, each
an event of its own, with others between them; F7 begins what is sent as it is.
"""

from __future__ import annotations

_HEAD = 512
"""A file may be within another, as RIFF or MacBinary, or have lost its first chunk."""
_DIGITS = 5
"""Of a number, at most: some programs write one more than they should."""


def is_midi_file(data: bytes) -> bool:
    """Return whether data are those of a MIDI file."""
    return b"MThd" in data[:_HEAD] or b"MTrk" in data[:_HEAD]


def system_exclusive(data: bytes) -> bytes:
    """Return the system-exclusive messages of a MIDI file, as they would be sent, one after the other.

    Args:
        data: the file. A track ends where it cannot be read any further, whatever its length says.

    Returns:
        The messages, each from F0 on.
    """
    messages, at = bytearray(), 0
    while (track := data.find(b"MTrk", at)) >= 0:
        at = _track(data, track + 8, messages)
    return bytes(messages)


def _track(data: bytes, at: int, messages: bytearray) -> int:
    """Add the messages of the track whose first event begins at a place; return where it ends."""
    running = 0
    while True:
        _, at = _number(data, at)
        status = data[at] if at < len(data) else 0
        if status & 0x80:
            at += 1
        else:
            status = running
        if status in (0xF0, 0xF7):
            length, at = _number(data, at)
            messages += b"\xf0" * (status == 0xF0) + data[at : at + length]
            at += length
        elif status == 0xFF:
            if data[at : at + 1] == b"\x2f":  # its end
                return at
            length, at = _number(data, at + 1)
            at += length
        elif 0x80 <= status < 0xF0:
            running = status
            at += 1 if status & 0xE0 == 0xC0 else 2
        else:
            return at
        if at >= len(data):
            return at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in digits of seven bits, and where it ends."""
    number = 0
    for digit in data[at : at + _DIGITS]:
        number, at = number << 7 | digit & 0x7F, at + 1
        if digit < 0x80:
            break
    return number, at
