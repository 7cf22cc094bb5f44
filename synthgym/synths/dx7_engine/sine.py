"""The DX7's sine: a table of logarithms and one of powers, whose entries are worked out as they are needed.

An operator's output is ``2^-(a + s)``, where a is its attenuation and s minus the binary logarithm of a sine,
both in 1,024ths: tables of 1,024 integers each, for 12 bits of the phase and 13 bits of the result, as in the
instrument and in Yamaha's OPL chips. To look up many values side by side is slow; to compute them is not. The
tables are rounded, so that polynomials need only be on the right side of every rounding. Their coefficients
come from linear programming, by ``scripts/dx7/sine_coefficients.py``: before they are float32 they keep .0019
and .0035 of a unit away from the nearest rounding. A test compares all entries, so what comes out is
exact, whether the processor rounds products or not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, int32, njit
from numba.core import types
from numpy.typing import NDArray

from synthgym.compiling import compiled, contracted, intrinsic

_F = np.float32
_P1, _P2, _P3, _P4, _P5 = map(_F, (-451.00213623, 718.70562744, -410.84573364, 185.50051880, -42.31129074))
_S0, _S1, _S2, _S3, _S4 = map(_F, (-155.21899414, 607.46972656, 50.45410156, 6.45135975, 2.80580091))
_E1, _E2, _E3, _E4, _E5 = map(
    _F, (2.77257562, 9.3828450190e-4, 2.1252630233e-7, 3.3986959081e-11, 6.6194731208e-15)
)
_TO_UNIT = _F(2**-31)
_ONE, _ROUND, _ROUND_4096 = _F(1), _F(3 << 22), _F((3 << 22) + 4096)
# A float32's last bit is 1 in this range: to add `_ROUND` rounds, and the bits less these are an integer.
_ROUNDED = 0x4B400000
LOGARITHM = 161280 - _ROUNDED
"""To be added to what ``log_sine`` returns."""


def _bits(to: Any, of: Any) -> Any:
    """Return what takes the bits of a value of one type as those of another."""

    def bitcast(typing_context: Any, value: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(to))

        return to(of), build

    return intrinsic(bitcast)


_as_integer = _bits(types.int32, types.float32)
_as_float = _bits(types.float32, types.int32)


@intrinsic
def _shifted(typing_context: Any, value: Any, places: Any) -> Any:
    """Shift an int32 to the right; Numba's own shift is of 64 bits, half as fast."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.lshr(*arguments)

    return types.int32(types.int32, types.int32), build


@intrinsic
def halved(typing_context: Any, value: Any, times: Any) -> Any:
    """Halve an int32 so many times, rounded down; for 32 bits as ``_shifted``.

    Args:
        typing_context: Numba's.
        value: type of the number.
        times: type of how often it is halved.

    Returns:
        The types of the call, and what builds its instruction.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ashr(*arguments)

    return types.int32(types.int32, types.int32), build


@njit(inline="always")
def log_sine(phase):
    """Return -1,024 log2 of the sine of the phase (2^32 is a cycle; the sign is lost), less LOGARITHM."""
    folded = int32(phase << 1)
    # 2^20 times an odd number t below 2,048: the middle of the table's entry in the quarter.
    place = float32(int32(((folded ^ (folded >> 31)) & 0x7FE00000) | 0x00100000))
    bits = _as_integer(place)
    # Of log2 t the exponent and the mantissa's bits give most, and that exactly; the rest is two polynomials:
    # log2 m - m of the mantissa m, and log2(sin(u) / u), even in t.
    m = _as_float(int32((bits & 0x7FFFFF) | 0x3F800000)) - _ONE
    t = place * _TO_UNIT
    q = t * t
    rest = (((_S4 * q + _S3) * q + _S2) * q + _S1) * q + _S0
    rest = ((((_P5 * m + _P4) * m + _P3) * m + _P2) * m + _P1) * m + rest
    return int32(_as_integer(rest + _ROUND) - (bits >> 13))


@njit(inline="always")
def power(logarithm):
    """Return 2^13 * 2^(-logarithm / 1,024), rounded as the instrument does."""
    x = float32(int32((logarithm & 1023) ^ 1023))
    entry = ((((_E5 * x + _E4) * x + _E3) * x + _E2) * x + _E1) * x + _ROUND_4096
    return _shifted(int32(_as_integer(entry) - _ROUNDED), int32(logarithm >> 10))


@njit(inline="always")
def operator(phase, attenuation):
    """Return an operator's output, 13 bits and a sign; LOGARITHM is to be in the attenuation.

    Args:
        phase: int32, of which 2^32 is a cycle.
        attenuation: int32, in 1,024ths of a halving.
    """
    return int32(power(int32(attenuation + log_sine(phase))) ^ (phase >> 31))


@compiled
def looked_up(phase, attenuation, sines, powers):
    """Return what ``operator`` does by the tables, without LOGARITHM: for one value alone that is faster.

    Args:
        phase: int32, of which 2^32 is a cycle.
        attenuation: int32, in 1,024ths of a halving.
        sines: int32 (1024,), see ``tables``.
        powers: likewise.
    """
    folded = int32(phase << 1)
    logarithm = attenuation + sines[(folded ^ (folded >> 31)) >> 21 & 1023]
    return int32(powers[(logarithm & 1023) ^ 1023] >> min(logarithm >> 10, 31)) ^ (phase >> 31)


def tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return both tables as they are defined: 1,024 logarithms of a quarter of a sine, and 1,024 powers."""
    sines = np.sin((np.arange(1024) + 0.5) / 1024 * np.pi / 2).astype(np.float32)
    powers = (2 ** (np.arange(1024) / 1024) - 1) * 4096
    return (
        np.round(-1024 * np.log2(sines.astype(np.float64))).astype(np.int32),
        4096 + np.round(powers).astype(np.int32),
    )


@contracted
def computed_tables(logarithms, powers):
    """Fill the tables (1024,) as they are computed here.

    Args:
        logarithms: int32 (1024,), written.
        powers: likewise.
    """
    for i in range(1024):
        logarithms[i] = int32(log_sine(int32(i << 20)) + LOGARITHM)
        powers[i] = power(int32(i ^ 1023))
