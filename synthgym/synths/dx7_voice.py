"""Voices of a Yamaha DX7, and how they are written."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgym.errors import PresetError
from synthgym.files import contents, replaced
from synthgym.parameters import Native
from synthgym.synths.dexed_py import Patch
from synthgym.synths.dx7_dumps import PACKED_BYTES, checksum, dumps, what_it_is
from synthgym.synths.dx7_parameters import PARAMETERS, VOICE_BYTES, native_rows, voice_bytes

BANK_VOICES = 32

_SINGLE_HEADER = bytes([0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B])
_BANK_HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])


@dataclass(frozen=True)
class Voice:
    """A voice read from a file: its name and its native row (145,)."""

    name: str
    native: Native


def read_voices(path: str | os.PathLike[str]) -> list[Voice]:
    """Read all voices of a file, whatever its suffix.

    It may hold dumps of single voices and of banks, among other messages, or be a MIDI file that does; or
    packed voices of 128 bytes, or single ones of 155, without headers. Real-time messages within a dump are
    left out. What is not right, as a wrong checksum, a lost end or bytes above 7F, is a warning, for
    cartridge rips often are so; values out of range are clamped, as Dexed does it.

    Raises:
        PresetError: the file is missing or holds no voice.
    """
    path = Path(path)
    try:
        data = contents(path)
    except (OSError, ValueError) as error:
        raise PresetError(f"cannot read {path}: {error}; give a file of DX7 voices") from error
    payloads, remarks = dumps(data)
    if not payloads:
        raise PresetError(f"{path} holds no DX7 voice: {what_it_is(data)}")
    for remark in remarks:
        warnings.warn(f"{path}: {remark}", stacklevel=2)
    return [voice for payload in payloads for voice in _voices(payload)]


def _voices(payload: bytes) -> list[Voice]:
    """Return the voice of 155 bytes, or the packed voices of 128 bytes each."""
    if len(payload) == VOICE_BYTES:
        return [_voice(Patch.from_sysex(payload))]
    starts = range(0, len(payload), PACKED_BYTES)
    return [_voice(Patch.from_packed(payload[at : at + PACKED_BYTES])) for at in starts]


def _voice(patch: Patch) -> Voice:
    # dexed-py clamps every byte to its range here, as the plugin does with corrupt files.
    data = np.frombuffer(patch.to_sysex(), dtype=np.uint8)
    return Voice(patch.name.strip(), native_rows(data))


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
        temporary.write_bytes(_SINGLE_HEADER + payload + bytes([checksum(payload), 0xF7]))


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
        temporary.write_bytes(_BANK_HEADER + payload + bytes([checksum(payload), 0xF7]))
