"""The 145 parameters of a Yamaha DX7, its INIT voice, and the bytes of a voice.

Byte order and ranges: Yamaha DX7 Owner's Manual (1983), MIDI data format, "VCED" (one voice, 155
bytes) and "VMEM" (32 packed voices, 4,096 bytes). Parameters bear the names under which the Dexed
plugin (1.0.1, VST3) shows them to hosts. Native values are the bytes of the voice: algorithm 0 to 31
is what the panel calls 1 to 32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Native, Parameter

VOICE_BYTES = 155
NAME_AT, NAME_LENGTH = 145, 10
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
    """Return native rows (..., 145) as voices of 155 bytes each, joined.

    What is out of range is clamped, and a letter that a DX7 cannot show, line breaks among them, is ``?``.

    Args:
        native: rows (..., 145), of DX7 values in the order of PARAMETERS.
        name: ten letters of it are kept, and it is filled up with spaces.

    Returns:
        155 bytes a row, in the order of the rows.
    """
    data = np.zeros((*native.shape[:-1], VOICE_BYTES), dtype=np.uint8)
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    data[..., NAME_AT:] = list(shown[:NAME_LENGTH].ljust(NAME_LENGTH).encode("ascii"))
    data[..., _AT] = np.clip(native, 0, _HIGHEST)
    return data.tobytes()


def native_rows(voices: NDArray[np.uint8]) -> Native:
    """Return native rows (..., 145) of voices (..., 145 bytes or more), ordered as single-voice dumps."""
    return voices[..., _AT].astype(np.float64)
