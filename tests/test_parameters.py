from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.parameters import Parameter, ParameterSpace, Unit

KINDS: tuple[Literal["continuous", "integer", "categorical"], ...] = ("continuous", "integer", "categorical")
finite = st.floats(-1e4, 1e4, allow_nan=False)


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Parameter:
    kind = draw(st.sampled_from(KINDS))
    if kind == "continuous":
        low = draw(finite)
        high = low + draw(st.floats(0.01, 1e4))
        step = (high - low) / draw(st.integers(1, 1000)) if draw(st.booleans()) else 0.0
        return Parameter(name, kind, low, high, low, log=low > 0.01 and draw(st.booleans()), step=step)
    low = draw(st.integers(-100, 100))
    steps = draw(st.integers(2, 200))
    labels = tuple(f"L{i}" for i in range(steps)) if kind == "categorical" and draw(st.booleans()) else ()
    return Parameter(name, kind, low, low + steps - 1, low, labels)


@st.composite
def spaces(draw: st.DrawFn) -> ParameterSpace:
    count = draw(st.integers(1, 8))
    everything = [draw(parameters(f"p{i}")) for i in range(count)]
    free = draw(st.lists(st.sampled_from([p.name for p in everything]), min_size=1, unique=True))
    return ParameterSpace(everything, free)


@st.composite
def spaces_and_units(draw: st.DrawFn) -> tuple[ParameterSpace, Unit]:
    space = draw(spaces())
    rows = draw(st.integers(1, 4))
    unit = draw(arrays(np.float32, (rows, len(space)), elements=st.floats(0, 1, width=32)))
    return space, unit


@given(spaces_and_units())
def test_native_values_lie_in_their_ranges_and_whole_ones_are_whole(
    space_and_unit: tuple[ParameterSpace, Unit],
) -> None:
    space, unit = space_and_unit
    native = space.to_native(unit)
    assert native.shape == (len(unit), len(space.parameters))
    for p in space.free:
        column = native[:, space.index(p.name)]
        assert (column >= p.low).all()
        assert (column <= p.high).all()
        if p.steps is not None:
            assert (column == np.round(column)).all()


@given(spaces_and_units())
def test_quantising_twice_is_quantising_once(space_and_unit: tuple[ParameterSpace, Unit]) -> None:
    space, unit = space_and_unit
    once = space.quantise(unit)
    assert once.dtype == np.float32
    np.testing.assert_allclose(space.quantise(once), once, atol=1e-6)
    for i, p in enumerate(space.free):
        if p.steps is not None:
            np.testing.assert_array_equal(space.quantise(once)[:, i], once[:, i])


@given(spaces_and_units())
def test_a_batch_is_its_rows(space_and_unit: tuple[ParameterSpace, Unit]) -> None:
    space, unit = space_and_unit
    rows = np.stack([space.to_native(row) for row in unit])
    np.testing.assert_array_equal(space.to_native(unit), rows)


@given(st.integers(2, 200), st.integers(-50, 50))
def test_every_whole_value_survives_the_round_trip(steps: int, low: int) -> None:
    space = ParameterSpace([Parameter("p", "integer", low, low + steps - 1, low)])
    native = np.arange(low, low + steps, dtype=float)[:, None]
    np.testing.assert_array_equal(space.to_native(space.to_unit(native)), native)


@given(st.integers(2, 20))
def test_uniform_units_are_uniform_values(steps: int) -> None:
    space = ParameterSpace([Parameter("p", "categorical", 0, steps - 1, 0)])
    unit = ((np.arange(steps * 100) + 0.5) / (steps * 100)).astype(np.float32)[:, None]
    counts = np.bincount(space.to_native(unit)[:, 0].astype(int))
    assert (counts == 100).all()


@given(spaces_and_units(), st.data())
def test_frozen_parameters_stand_still(
    space_and_unit: tuple[ParameterSpace, Unit], data: st.DataObject
) -> None:
    space, _ = space_and_unit
    if len(space) == 1:
        return
    name = data.draw(st.sampled_from(space.names))
    p = space.parameters[space.index(name)]
    frozen = space.freeze({name: p.high})
    assert name not in frozen.names
    assert frozen.frozen[name] == p.high
    assert (frozen.to_native(np.zeros((3, len(frozen))))[:, space.index(name)] == p.high).all()
    only = space.only([name])
    assert only.names == (name,)


def test_a_logarithmic_knob_turns_by_ratios() -> None:
    space = ParameterSpace([Parameter("attack", "continuous", 0.001, 1, 0.01, log=True)])
    native = space.to_native([[0.0], [1 / 3], [2 / 3], [1.0]])
    np.testing.assert_allclose(native[:, 0], [0.001, 0.01, 0.1, 1], rtol=1e-5)


def test_a_stepped_knob_stops_at_its_steps() -> None:
    space = ParameterSpace([Parameter("cutoff", "continuous", 100, 1000, 100, step=250)])
    native = space.to_native(np.linspace(0, 1, 7)[:, None])[:, 0]
    np.testing.assert_allclose(native, [100, 350, 350, 600, 600, 850, 1000])


def test_samples_are_a_function_of_the_generator() -> None:
    space = ParameterSpace([Parameter("a", "continuous", 0, 1, 0), Parameter("b", "integer", 0, 99, 0)])
    one, two = (space.sample(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(space.quantise(one), one)


SPACE = ParameterSpace(
    [
        Parameter("CUTOFF", "continuous", 20, 20000, 1000),
        Parameter("COARSE", "integer", 0, 31, 1),
        Parameter("WAVE", "categorical", 0, 2, 0, ("SINE", "SAW", "SQUARE")),
    ]
)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: SPACE.freeze({"CUTOF": 30}), UnknownNameError, "did you mean 'CUTOFF'"),
        (lambda: SPACE.only(["cutoff"]), UnknownNameError, "did you mean 'CUTOFF'"),
        (lambda: SPACE.freeze({"CUTOFF": 5}), ParameterError, "from 20 to 20000; got 5"),
        (lambda: SPACE.freeze({"COARSE": 1.5}), ParameterError, "a whole number"),
        (lambda: SPACE.freeze({"CUTOFF": float("nan")}), ParameterError, "got nan"),
        (lambda: SPACE.freeze({"WAVE": "SAV"}), UnknownNameError, "did you mean 'SAW'"),
        (lambda: SPACE.freeze({"CUTOFF": 30, "COARSE": 1, "WAVE": 0}), ParameterError, "freeze fewer"),
        (lambda: SPACE.to_native([0.5, 0.5]), ParameterError, "has 3 unit values"),
        (lambda: SPACE.to_native([0.5, 0.5, np.nan]), ParameterError, "not be NaN"),
        (lambda: SPACE.to_native([0.5, 0.5, 1.1]), ParameterError, "in \\[0, 1\\]"),
        (lambda: SPACE.to_unit([20, 0]), ParameterError, "has 3 values"),
        (lambda: Parameter("x", "continuous", 0, 1, 1, log=True), ParameterError, "low above 0"),
        (lambda: Parameter("x", "integer", 1, 1, 1), ParameterError, "low < high"),
        (lambda: Parameter("x", "categorical", 0, 2, 1, ("a",)), ParameterError, "3 values but 1"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_values_by_name_and_text() -> None:
    native = SPACE.row({"WAVE": "SQUARE", "COARSE": 7})
    described = {p["name"]: p for p in SPACE.describe(native)}
    assert described["WAVE"] == {"name": "WAVE", "native": 2, "text": "SQUARE", "free": True}
    assert described["CUTOFF"]["native"] == 1000.0
