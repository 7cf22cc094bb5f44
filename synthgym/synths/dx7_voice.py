"""The voice of a Yamaha DX7: its 145 parameters, its INIT voice and its .syx files.

Byte order and ranges: Yamaha DX7 Owner's Manual (1983), MIDI data format, "VCED" (one voice, 155
bytes) and "VMEM" (32 packed voices, 4,096 bytes). Parameters bear the names under which the Dexed
plugin (1.0.1, VST3) shows them to hosts. Native values are the bytes of the voice: algorithm 0 to 31
is what the panel calls 1 to 32.
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
from numpy.typing import NDArray

from synthgym.errors import PresetError
from synthgym.files import replaced
from synthgym.parameters import Native, Parameter

VOICE_BYTES = 155
NAME_AT, NAME_LENGTH = 145, 10
BANK_VOICES = 32
BANK_BYTES = BANK_VOICES * 128

_SINGLE_HEADER = bytes([0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B])
_BANK_HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])
_CURVES = ("-LIN", "-EXP", "+EXP", "+LIN")
_ON_OFF = ("OFF", "ON")


@dataclass(frozen=True)
class _Field:
    """One byte of the voice: where it stands, its greatest value, and its value in INIT VOICE."""

    name: str
    at: int
    high: int
    init: int
    labels: tuple[str, ...] = ()

    def parameter(self) -> Parameter:
        return Parameter(
            self.name, "categorical" if self.labels else "integer", 0, self.high, self.init, self.labels
        )


def _operator(number: int) -> list[_Field]:
    start = (6 - number) * 21  # operator 6 comes first
    fields = [_Field(f"EG RATE {i + 1}", i, 99, 99) for i in range(4)]
    fields += [_Field(f"EG LEVEL {i + 1}", 4 + i, 99, init) for i, init in enumerate((99, 99, 99, 0))]
    fields += [
        _Field("BREAK POINT", 8, 99, 0),
        _Field("L SCALE DEPTH", 9, 99, 0),
        _Field("R SCALE DEPTH", 10, 99, 0),
        _Field("L KEY SCALE", 11, 3, 0, _CURVES),
        _Field("R KEY SCALE", 12, 3, 0, _CURVES),
        _Field("RATE SCALING", 13, 7, 0),
        _Field("A MOD SENS.", 14, 3, 0),
        _Field("KEY VELOCITY", 15, 7, 0),
        _Field("OUTPUT LEVEL", 16, 99, 99 if number == 1 else 0),
        _Field("MODE", 17, 1, 0, ("RATIO", "FIXED")),
        _Field("F COARSE", 18, 31, 1),
        _Field("F FINE", 19, 99, 0),
        _Field("OSC DETUNE", 20, 14, 7),
    ]
    return [_Field(f"OP{number} {f.name}", start + f.at, f.high, f.init, f.labels) for f in fields]


# In the order in which Dexed1Op-v0 to Dexed5Op-v0 take them up, two for each operator.
_GLOBALS = [
    _Field("TRANSPOSE", 144, 48, 24),
    _Field("LFO AM DEPTH", 140, 99, 0),
    _Field("LFO SPEED", 137, 99, 35),
    _Field("LFO PM DEPTH", 139, 99, 0),
    _Field("FEEDBACK", 135, 7, 0),
    _Field("P MODE SENS.", 143, 7, 3),
    _Field("LFO WAVE", 142, 5, 0, ("TRIANGLE", "SAW DOWN", "SAW UP", "SQUARE", "SINE", "S&HOLD")),
    _Field("LFO DELAY", 138, 99, 0),
    _Field("LFO KEY SYNC", 141, 1, 1, _ON_OFF),
    _Field("OSC KEY SYNC", 136, 1, 1, _ON_OFF),
]
_PITCH_ENVELOPE = [_Field(f"PITCH EG RATE {i + 1}", 126 + i, 99, 99) for i in range(4)]
_PITCH_ENVELOPE += [_Field(f"PITCH EG LEVEL {i + 1}", 130 + i, 99, 50) for i in range(4)]
_ALGORITHM = _Field("ALGORITHM", 134, 31, 0, tuple(str(i) for i in range(1, 33)))

_FIELDS = [f for n in range(1, 7) for f in _operator(n)] + _GLOBALS + _PITCH_ENVELOPE + [_ALGORITHM]

PARAMETERS: tuple[Parameter, ...] = tuple(f.parameter() for f in _FIELDS)
"""All 145: operators 1 to 6 (21 each), ten globals, the pitch envelope (8), the algorithm."""

_AT = np.array([f.at for f in _FIELDS])
_HIGHEST = np.array([f.high for f in _FIELDS])


def operator_parameters(operators: int) -> list[str]:
    """Return the names of the 23 n parameters of an n-operator voice: 21 n, and 2 n globals."""
    return [f.name for n in range(1, operators + 1) for f in _operator(n)] + [
        f.name for f in _GLOBALS[: 2 * operators]
    ]


def voice_bytes(native: Native, name: str = "SYNTHGYM") -> bytes:
    """Return native rows (..., 145) as voices of 155 bytes each, joined; what is out of range is clamped."""
    data = np.zeros((*native.shape[:-1], VOICE_BYTES), dtype=np.uint8)
    data[..., NAME_AT:] = list(name.encode("ascii", "replace")[:NAME_LENGTH].ljust(NAME_LENGTH))
    data[..., _AT] = np.clip(native, 0, _HIGHEST)
    return data.tobytes()


def native_rows(voices: NDArray[np.uint8]) -> Native:
    """Return native rows (..., 145) of voices (..., 145 bytes or more), ordered as single-voice dumps."""
    return voices[..., _AT].astype(np.float64)


@dataclass(frozen=True)
class Voice:
    """A voice read from a file: its name and its native row (145,)."""

    name: str
    native: Native


def _voice(patch: Patch) -> Voice:
    # dexed-py clamps every byte to its range here, as the plugin does with corrupt files.
    data = np.frombuffer(patch.to_sysex(), dtype=np.uint8)
    return Voice(patch.name.strip(), native_rows(data))


def _checksum(payload: bytes) -> int:
    return -sum(payload) & 0x7F


def _messages(data: bytes) -> Iterator[bytes]:
    """Find the whole system-exclusive messages in a file: F0, bytes below 80, F7."""
    return (match.group() for match in re.finditer(rb"\xf0[\x00-\x7f]*\xf7", data))


def read_voices(path: str | os.PathLike[str]) -> list[Voice]:
    """Read all voices of a file: a .syx, or a .dx7 of packed 128-byte voices without a header.

    Raises:
        PresetError: as ``read_syx``.
    """
    path = Path(path)
    if path.suffix.lower() != ".dx7":
        return read_syx(path)
    data = _read(path)
    if not data or len(data) % 128:
        raise PresetError(f"{path} holds no packed DX7 voices: {len(data)} bytes are not a multiple of 128")
    return _bank(data)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise PresetError(f"cannot read {path}: {error}; give a .syx or .dx7 file") from error


def read_syx(path: str | os.PathLike[str]) -> list[Voice]:
    """Read all voices of a .syx file: single voices, 32-voice banks, or a bare 4,096-byte bank.

    Messages of other kinds are passed over. A wrong checksum is a warning: cartridge rips often
    carry a stale one.

    Raises:
        PresetError: the file is missing or holds no DX7 voice of the right length.
    """
    path = Path(path)
    data = _read(path)
    if len(data) == BANK_BYTES and max(data) < 0x80:
        return _bank(data)
    voices: list[Voice] = []
    for message in _messages(data):
        # The third byte is the MIDI channel; any will do.
        header = message[:2] + b"\0" + message[3:6]
        payload = message[6:-2]
        if header == _SINGLE_HEADER and len(payload) == VOICE_BYTES:
            voices.append(_voice(Patch.from_sysex(payload)))
        elif header == _BANK_HEADER and len(payload) == BANK_BYTES:
            voices += _bank(payload)
        else:
            continue
        if message[-2] != _checksum(payload):
            warnings.warn(f"{path}: wrong checksum, loaded anyway", stacklevel=2)
    if not voices:
        raise PresetError(
            f"{path} holds no DX7 voice: {len(data)} bytes, where a single voice has 163 and a bank 4104"
        )
    return voices


def _bank(payload: bytes) -> list[Voice]:
    return [_voice(Patch.from_packed(payload[i : i + 128])) for i in range(0, len(payload), 128)]


def write_syx(path: str | os.PathLike[str], native: Native, name: str = "SYNTHGYM") -> None:
    """Write a native row (145,) as a single-voice .syx that any DX7, TX7 or Dexed loads."""
    payload = voice_bytes(native, name)
    with replaced(path) as temporary:
        temporary.write_bytes(_SINGLE_HEADER + payload + bytes([_checksum(payload), 0xF7]))


def write_bank(path: str | os.PathLike[str], natives: Native, names: Sequence[str]) -> None:
    """Write native rows (up to 32, 145) as a 32-voice .syx, filled up with INIT voices."""
    init = np.array([parameter.default for parameter in PARAMETERS])
    voices = [*zip(natives, names, strict=True)]
    voices += [(init, "INIT VOICE")] * (BANK_VOICES - len(voices))
    payload = b"".join(Patch.from_sysex(voice_bytes(native, name)).to_packed() for native, name in voices)
    with replaced(path) as temporary:
        temporary.write_bytes(_BANK_HEADER + payload + bytes([_checksum(payload), 0xF7]))
