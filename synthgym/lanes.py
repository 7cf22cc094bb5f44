"""Sixteen numbers side by side: a type for compiled code, a vector of the processor's registers.

A loop over sixteen numbers leaves it to the compiler whether they go side by side, and where arrays might
overlap it does not let them. An expression of lanes is what it says: one register of 512 bits, two of 256 or
four of 128, and the same bytes from each, as every operation is rounded for itself.

Without Numba (NUMBA_DISABLE_JIT) lanes are NumPy arrays (16,) float32, and the functions below are called as
they stand here.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model
from numpy.typing import NDArray

WIDTH = 16
_LINE = 64
"""Bytes of a cache's line, as many as lanes have: what begins at a multiple of it is loaded at once."""
_ROOT = 0x3F3504F3
"""The bits of the root of 1/2 as a float32."""


def room(size: int) -> NDArray[np.float32]:
    """Return an array (size,) that begins at a cache's line, to be filled."""
    memory = np.empty(size + _LINE // 4, np.float32)
    begin = -memory.__array_interface__["data"][0] % _LINE // 4
    return memory[begin : begin + size]


def every(number):
    """Return lanes that are all the same float32."""
    return np.full(WIDTH, number, np.float32)


def load(array, start):
    """Return the lanes of an array (n,) from a place on.

    Args:
        array: float32.
        start: place of the first.
    """
    return array[start : start + WIDTH].copy()


def store(array, start, lanes):
    """Put lanes into an array (n,) from a place on.

    Args:
        array: float32, written.
        start: place of the first.
        lanes: to put there.
    """
    array[start : start + WIDTH] = lanes


def store_turned(tile, first, apart, array, start):
    """Put the columns of 16 rows of 16 into an array (n,) from a place on, one by one.

    Args:
        tile: (m,), which has the rows.
        first: where the first begins.
        apart: by how much each begins after the one before.
        array: float32, written.
        start: place of the first.
    """
    rows = [tile[first + i * apart :][:WIDTH] for i in range(WIDTH)]
    array[start : start + WIDTH * WIDTH] = np.stack(rows, axis=1).ravel()


def at_least(lanes, least):
    """Return lanes, and a float32 where they are less.

    Args:
        lanes: of float32.
        least: a float32.
    """
    return np.where(lanes < least, least, lanes)


def at_most(lanes, most):
    """Return lanes, and a float32 where they are more.

    Args:
        lanes: of float32.
        most: a float32.
    """
    return np.where(lanes > most, most, lanes)


def exponent(lanes):
    """Return n of positive lanes m 2^n, m from the root of 1/2 to that of 2."""
    return ((lanes.view(np.int32) - _ROOT) >> 23).astype(np.float32)


def scaled(lanes, n):
    """Return lanes times 2^n, n whole; neither may be out of float32's range.

    Args:
        lanes: of float32.
        n: whole numbers as float32, one a lane.
    """
    return (lanes.view(np.int32) + (n.astype(np.int32) << 23)).view(np.float32)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = _Lanes()
_INTEGERS = ir.VectorType(ir.IntType(32), WIDTH)
_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _compiles(function: Any, result: Any, *kinds: Any) -> Any:
    """Let compiled code call a function, whose instructions the decorated one builds."""
    typed = {"key": function, "generic": lambda self, arguments, keywords: signature(result, *arguments)}
    infer_global(function)(type("Lanes", (AbstractTemplate,), typed))

    def registered(build: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = []
            for kind, value in zip(signature.args, arguments, strict=True):
                if isinstance(kind, types.Array):
                    value = context.make_array(kind)(context, builder, value).data
                elif isinstance(kind, types.Integer):
                    value = context.cast(builder, value, kind, types.intp)
                elif isinstance(kind, types.Float):
                    value = _spread(builder, context.cast(builder, value, kind, types.float32))
                values.append(value)
            built = build(builder, *values)
            return context.get_dummy_value() if result is types.void else built

        lower_builtin(function, *kinds)(lower)
        return build

    return registered


def _spread(builder: Any, value: Any) -> Any:
    """Return a float in every lane; lanes as they are."""
    if value.type == _VECTOR:
        return value
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_INTEGERS, [0] * WIDTH))


def _each(number: int) -> Any:
    return ir.Constant(_INTEGERS, [number] * WIDTH)


def _at(builder: Any, data: Any, start: Any) -> Any:
    return builder.bitcast(builder.gep(data, [start]), _VECTOR.as_pointer())


@_compiles(every, _LANES, types.Float)
def _every(builder, number):
    return number


@_compiles(load, _LANES, types.Array, types.Integer)
def _load(builder, data, start):
    return builder.load(_at(builder, data, start), align=4)


@_compiles(store, types.void, types.Array, types.Integer, _LANES)
def _store(builder, data, start, lanes):
    builder.store(lanes, _at(builder, data, start), align=4)


@_compiles(store_turned, types.void, types.Array, types.Integer, types.Integer, types.Array, types.Integer)
def _store_turned(builder, tile, first, apart, data, start):
    places = [builder.mul(apart, ir.Constant(apart.type, i)) for i in range(WIDTH)]
    rows = [_load(builder, tile, builder.add(first, place)) for place in places]
    # Squares of 2, 4, 8 and 16 lie across from each other in turn and change places.
    for side in (1, 2, 4, 8):
        upper = [j if not j & side else WIDTH + j - side for j in range(WIDTH)]
        lower = [j + side if not j & side else WIDTH + j for j in range(WIDTH)]
        for i in (i for i in range(WIDTH) if not i & side):
            pair = rows[i], rows[i + side]
            rows[i], rows[i + side] = (
                builder.shuffle_vector(*pair, ir.Constant(_INTEGERS, mask)) for mask in (upper, lower)
            )
    for i, row in enumerate(rows):
        _store(builder, data, builder.add(start, ir.Constant(start.type, i * WIDTH)), row)


@_compiles(at_least, _LANES, _LANES, types.Float)
def _at_least(builder, lanes, least):
    return builder.select(builder.fcmp_ordered("<", lanes, least), least, lanes)


@_compiles(at_most, _LANES, _LANES, types.Float)
def _at_most(builder, lanes, most):
    return builder.select(builder.fcmp_ordered(">", lanes, most), most, lanes)


@_compiles(exponent, _LANES, _LANES)
def _exponent(builder, lanes):
    above = builder.sub(builder.bitcast(lanes, _INTEGERS), _each(_ROOT))
    return builder.sitofp(builder.ashr(above, _each(23)), _VECTOR)


@_compiles(scaled, _LANES, _LANES, _LANES)
def _scaled(builder, lanes, n):
    places = builder.shl(builder.fptosi(n, _INTEGERS), _each(23))
    return builder.bitcast(builder.add(builder.bitcast(lanes, _INTEGERS), places), _VECTOR)


def _operates(symbol: Any, instruction: str) -> None:
    """Let compiled code write an operator between lanes, or between lanes and a float32."""
    pairs = [(_LANES, _LANES), (types.float32, _LANES), (_LANES, types.float32)]
    template = {"key": symbol, "cases": [signature(_LANES, *pair) for pair in pairs]}
    infer_global(symbol)(type("Lanes", (ConcreteTemplate,), template))

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*(_spread(builder, value) for value in arguments))

    for pair in pairs:
        lower_builtin(symbol, *pair)(lower)


_operates(operator.add, "fadd")
_operates(operator.sub, "fsub")
_operates(operator.mul, "fmul")
