"""Voices of a Yamaha DX7, and their files as people have them: dumps, bare or in MIDI files.

Formats: Yamaha DX7 Owner's Manual (1983), MIDI data format. A dump is system-exclusive: F0 43, channel,
format (0: one voice of 155 bytes, 9: a bank of 32 packed voices), the count of bytes, the bytes, a checksum,
F7. What is not so is told by the dump's length, as hexter and Dexed do it: some programs write another count
or another format, recorders leave real-time messages inside, or lose the end.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dexed import Patch

from synthgym.errors import PresetError
from synthgym.files import replaced
from synthgym.parameters import Native
from synthgym.synths.dx7_parameters import PARAMETERS, VOICE_BYTES, native_rows, voice_bytes

PACKED_BYTES = 128
BANK_VOICES = 32
BANK_BYTES = BANK_VOICES * PACKED_BYTES

_SINGLE_HEADER = bytes([0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B])
_BANK_HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])
_START = re.compile(rb"\xf0\x43[\x00-\x7f][\x00\x09][\x00-\x7f]{2}")
"""The header of a dump of one voice or of a bank, whatever its count says."""
_IN_MIDI = re.compile(
    rb"[\xf0\xf7]([\x80-\xff]{0,3}[\x00-\x7f])\xf0?(?=\x43[\x00-\x7f][\x00\x09][\x00-\x7f]{2})"
)
"""Of an event with a dump in a MIDI file: F0, or F7 where F0 is sent with the rest, and its length in digits
of seven bits."""
_MORE_IN_MIDI = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]\xf7([\x80-\xff]{0,3}[\x00-\x7f])")
"""The rest of a message that is sent in parts: the time between, F7, and its length."""
_CUT_HEADER = re.compile(rb"\x43[\x00-\x7f](\x00\x01\x1b|\x09\x20\x00)")
"""Of a dump whose first byte was lost."""
_NO_TEXT = re.compile(rb"[^\0\t\n\r\x1a\x20-\x7e]")
_END = re.compile(rb"[\xf0-\xf7]")
_REAL_TIME = bytes(range(0xF8, 0x100))
_NAME = slice(118, 128)
"""Of a packed voice."""
_LINE_END = b"\r\n\x1a"
"""And that of a file, as of old systems."""


@dataclass(frozen=True)
class Voice:
    """A voice read from a file: its name and its native row (145,)."""

    name: str
    native: Native


def read_voices(path: str | os.PathLike[str]) -> list[Voice]:
    """Read all voices of a file, whatever its suffix.

    It may hold dumps of single voices and of banks, among other messages, or be a MIDI file that does; or
    packed voices of 128 bytes, without headers. Real-time messages within a dump are left out. What is not
    right, as a wrong checksum, a lost end or bytes above 7F, is a warning, for cartridge rips often are so;
    values out of range are clamped, as Dexed does it.

    Raises:
        PresetError: the file is missing or holds no voice.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise PresetError(f"cannot read {path}: {error}; give a file of DX7 voices") from error
    voices = [voice for dump in _dumps(data) for voice in _read_dump(path, dump)]
    if not voices:
        voices = _read_packed(path, data)
    if not voices:
        raise PresetError(f"{path} holds no DX7 voice: {_what_it_is(data)}")
    return voices


def _is_midi_file(data: bytes) -> bool:
    return b"MThd" in data[:64]  # it may be within RIFF


def _dumps(data: bytes) -> Iterator[bytes]:
    """Give what follows each header, to the next one."""
    if _is_midi_file(data):
        data = b"".join(_messages_in_midi(data))
    elif _CUT_HEADER.match(data):
        data = b"\xf0" + data
    elif not _START.search(data):  # there may be one in a header
        data = data.translate(None, delete=_REAL_TIME)
    starts = list(_START.finditer(data))
    for i, start in enumerate(starts):
        yield data[start.end() : starts[i + 1].start() if i + 1 < len(starts) else len(data)]


def _messages_in_midi(data: bytes) -> Iterator[bytes]:
    """Give the messages with dumps in a MIDI file, without their lengths, the parts of each as one."""
    for event in _IN_MIDI.finditer(data):
        end = event.end(1) + _length(event[1])
        yield b"\xf0" + data[event.end() : end]
        while data[end - 1 : end] != b"\xf7" and (more := _MORE_IN_MIDI.match(data, end)):
            end = more.end() + _length(more[1])
            yield data[more.end() : end]


def _length(digits: bytes) -> int:
    return sum((digit & 0x7F) << 7 * place for place, digit in enumerate(reversed(digits)))


def _read_dump(path: Path, dump: bytes) -> list[Voice]:
    """Return the voices of a dump, without its header; none if it has another length."""
    for data in (dump, dump.translate(None, delete=_REAL_TIME)):
        ended = _END.search(data)
        length = len(data) if ended is None else ended.start()
        for size, read in ((VOICE_BYTES, _single), (BANK_BYTES, _packed)):
            # Where bytes above 7F are among the voices, F7 may be one, and the dump ends where it should.
            whole = data[size + 1 : size + 2] == b"\xf7"
            if whole or length in (size, size + 1):
                payload = _below_80(path, data[:size])
                if not whole:
                    _warn(path, "the end of the dump is missing")
                elif data[size] != _checksum(payload):
                    _warn(path, "wrong checksum")
                return read(payload)
    return []


def _below_80(path: Path, payload: bytes) -> bytes:
    if max(payload) < 0x80:
        return payload
    _warn(path, "bytes above 7F; their highest bit is left out")
    return bytes(byte & 0x7F for byte in payload)


def _warn(path: Path, what: str) -> None:
    warnings.warn(f"{path}: {what}, loaded anyway", stacklevel=5)


def _single(payload: bytes) -> list[Voice]:
    return [_voice(Patch.from_sysex(payload))]


def _packed(payload: bytes) -> list[Voice]:
    starts = range(0, len(payload), PACKED_BYTES)
    return [_voice(Patch.from_packed(payload[at : at + PACKED_BYTES])) for at in starts]


def _voice(patch: Patch) -> Voice:
    # dexed-py clamps every byte to its range here, as the plugin does with corrupt files.
    data = np.frombuffer(patch.to_sysex(), dtype=np.uint8)
    return Voice(patch.name.strip(), native_rows(data))


def _read_packed(path: Path, data: bytes) -> list[Voice]:
    """Return packed voices that have no header; none if the file holds something else."""
    over = len(data) % PACKED_BYTES
    if over and (not data[-over:].strip(_LINE_END) or data[-over:] in _ends(data[:-over])):
        data = data[:-over]
    if not data or len(data) % PACKED_BYTES or not _NO_TEXT.search(data):
        return []
    if max(data) > 0x7F:
        # Most of what has such bytes is something else. Voices have names that can be read.
        names = b"".join(data[at:][_NAME] for at in range(0, len(data), PACKED_BYTES))
        if not all(0x20 <= byte & 0x7F < 0x7F for byte in names):
            return []
    return _packed(_below_80(path, data))


def _ends(packed: bytes) -> tuple[bytes, ...]:
    """Return what may be left of a dump's end."""
    checksum = bytes([_checksum(packed)])
    return b"\xf7", checksum, checksum + b"\xf7"


def _what_it_is(data: bytes) -> str:
    if _is_midi_file(data):
        return "a MIDI file without a dump of one"
    if re.search(rb"\xf0\x43[\x00-\x7f][\x03\x04]", data):
        return "its voices are of another Yamaha, with four operators"
    if data and not _NO_TEXT.search(data):
        return f"{len(data):,} bytes of text or zeros"
    sizes = f"where a single voice has {VOICE_BYTES + 8} and a bank {BANK_BYTES + 8}"
    return f"{len(data):,} bytes, {sizes}, or packed voices {PACKED_BYTES} each"


def _checksum(payload: bytes) -> int:
    return -sum(payload) & 0x7F


def write_syx(path: str | os.PathLike[str], native: Native, name: str = "SYNTHGYM") -> None:
    """Write a native row (145,) as a single-voice .syx that any DX7, TX7 or Dexed loads.

    Args:
        path: the file; one that is there is replaced, whole or not at all.
        native: of DX7 values in the order of PARAMETERS.
        name: of the voice; ten letters of it are kept.

    Raises:
        OSError: it cannot be written.
    """
    payload = voice_bytes(native, name)
    with replaced(path) as temporary:
        temporary.write_bytes(_SINGLE_HEADER + payload + bytes([_checksum(payload), 0xF7]))


def write_bank(path: str | os.PathLike[str], natives: Native, names: Sequence[str]) -> None:
    """Write native rows (up to 32, 145) as a 32-voice .syx, filled up with INIT voices.

    Args:
        path: the file; one that is there is replaced, whole or not at all.
        natives: rows of DX7 values in the order of PARAMETERS.
        names: one a row; ten letters of each are kept.

    Raises:
        OSError: it cannot be written.
        ValueError: there are not as many names as rows.
    """
    init = np.array([parameter.default for parameter in PARAMETERS])
    voices = [*zip(natives, names, strict=True)]
    voices += [(init, "INIT VOICE")] * (BANK_VOICES - len(voices))
    payload = b"".join(Patch.from_sysex(voice_bytes(native, name)).to_packed() for native, name in voices)
    with replaced(path) as temporary:
        temporary.write_bytes(_BANK_HEADER + payload + bytes([_checksum(payload), 0xF7]))
