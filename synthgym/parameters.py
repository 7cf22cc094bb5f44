"""What can be set on a synthesiser, and the unit cube in which agents set it.

Agents see the *free* parameters as unit values in [0, 1], the engine one *native* row of all of them.
"""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthgym.checks import floats, one_of
from synthgym.errors import ParameterError, SynthgymError, UnknownNameError, quoted

Unit = NDArray[np.float32]
Native = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """One knob of a synthesiser.

    Args:
        name: the engine's own name of it, unique within a synthesiser.
        kind: ``continuous``, ``integer`` (whole numbers, ordered) or ``categorical`` (whole, unordered).
        low: the least native value.
        high: the greatest native value, included.
        default: the native value it has while nobody sets it.
        labels: what a categorical parameter's values are called, from ``low`` upwards.
        log: whether equal distances on a continuous parameter's knob are equal ratios of its values.
        step: a continuous parameter takes ``low`` plus multiples of this; 0: any value.
    """

    name: str
    kind: Literal["continuous", "integer", "categorical"]
    low: float
    high: float
    default: float
    labels: tuple[str, ...] = ()
    log: bool = False
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.low <= self.default <= self.high or self.low == self.high:
            raise ParameterError(
                f"parameter {self.name!r} needs low <= default <= high and low < high; "
                f"got {self.low}, {self.default}, {self.high}"
            )
        if self.log and (self.low <= 0 or self.kind != "continuous"):
            raise ParameterError(f"parameter {self.name!r} is logarithmic: continuous, and low above 0")
        if self.labels and len(self.labels) != self.steps:
            raise ParameterError(
                f"parameter {self.name!r} has {self.steps} values but {len(self.labels)} labels"
            )

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """Return a parameter that was kept as JSON (``dataclasses.asdict``)."""
        return cls(**{**kept, "labels": tuple(kept["labels"])})

    @property
    def steps(self) -> int | None:
        """How many values it takes; None if continuous."""
        return None if self.kind == "continuous" else int(self.high - self.low) + 1

    def native(self, value: Any) -> float:
        """Return a native value or a label as a checked native value."""
        if isinstance(value, str) and self.labels:
            one_of(f"value of {self.name}", value, self.labels)
            return self.low + self.labels.index(value)
        good: bool = isinstance(value, numbers.Real)  # NaN is in no range
        if not (good and self.low <= value <= self.high) or (self.steps is not None and value % 1):
            kind = "a number" if self.steps is None else "a whole number"
            which = f"{kind} from {self.low:g} to {self.high:g}"
            raise ParameterError(f"parameter {self.name!r} takes {which}; got {quoted(value)}")
        return float(value)

    def text(self, native: float) -> str:
        """Return a native value as a person reads it: its label, or the number."""
        return self.labels[int(native - self.low)] if self.labels else f"{native:g}"


class ParameterSpace:
    """The parameters of a synthesiser, some of them free, the others frozen.

    A unit vector has one float32 in [0, 1] per free parameter. A discrete parameter of N values divides it
    into N bins of equal width, so that uniform unit values are uniform native values; its value number k
    stands at k / (N - 1), so that 0 and 1 are its ends.

    Args:
        parameters: all parameters, in the order of the engine's native rows.
        free: names of the free ones, in the order of the unit vector (default: all).
        values: native values of parameters that are to stand at other than their defaults.
        unset: names of parameters that nobody sets, unless they are free or have a value here: they are NaN
            in native rows, the engine leaves them as they are, and they are neither frozen nor described.

    Attributes:
        categorical: which free parameters have values without an order, (n,).
        apart: how far a discrete parameter's values are apart in a unit vector, (n,); 0 of a continuous one.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        free: Sequence[str] | None = None,
        values: Mapping[str, float] | None = None,
        unset: Collection[str] = (),
    ) -> None:
        self.parameters = tuple(parameters)
        self._index = {p.name: i for i, p in enumerate(self.parameters)}
        if len(self._index) < len(self.parameters):
            raise ParameterError("two parameters share a name")
        self._unset = frozenset(unset)
        names = list(self._index) if free is None else list(free)
        self._base = np.array([p.default for p in self.parameters], dtype=np.float64)
        self._base[[self.index(name) for name in self._unset.difference(names)]] = np.nan
        for name, value in (values or {}).items():
            i = self.index(name)
            self._base[i] = self.parameters[i].native(value)
        if len(set(names)) < len(names):
            raise ParameterError("a parameter is named twice among the free ones")
        self._free = np.array([self.index(name) for name in names], dtype=np.intp)
        self.free = tuple(self.parameters[i] for i in self._free)
        if not self.free:
            raise ParameterError("no parameter is left free; freeze fewer")
        self._low = np.array([p.low for p in self.free])
        self._high = np.array([p.high for p in self.free])
        self._span = self._high - self._low
        self._log = np.flatnonzero([p.log for p in self.free])
        self._stepped = np.flatnonzero([p.step > 0 for p in self.free])
        self._step = np.array([p.step for p in self.free])[self._stepped]
        # Continuous parameters have no bins; a count of 1 keeps the arithmetic below finite.
        self._discrete = np.array([p.steps is not None for p in self.free])
        self._steps = np.array([p.steps or 1 for p in self.free], dtype=np.float64)
        self.categorical = np.array([p.kind == "categorical" for p in self.free])
        self.apart = np.where(self._steps > 1, 1 / np.maximum(self._steps - 1, 1), 0.0)

    def __len__(self) -> int:
        return len(self.free)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters, in the order of the unit vector."""
        return tuple(p.name for p in self.free)

    @property
    def frozen(self) -> dict[str, float]:
        """Native values of the parameters that are set and not free, by name."""
        free = set(self.names)
        values = zip(self._index, self._base.tolist(), strict=True)
        return {n: v for n, v in values if n not in free and not np.isnan(v)}

    def index(self, name: str) -> int:
        """Return the place of a parameter in a native row; UnknownNameError if there is none."""
        try:
            return self._index[name]
        except (KeyError, TypeError):  # what is no name may have no hash
            raise UnknownNameError("parameter", name, self._index) from None

    def freeze(self, values: Mapping[str, float | str]) -> Self:
        """Return this space with the named parameters fixed at native values (or labels)."""
        frozen = self.frozen
        if not isinstance(values, Mapping):
            raise ParameterError(f"parameters are frozen by {{name: value}}; got {quoted(values)}")
        for name, value in values.items():
            frozen[name] = self.parameters[self.index(name)].native(value)
        free = [n for n in self.names if n not in frozen]
        return type(self)(self.parameters, free, frozen, self._unset)

    def only(self, names: Sequence[str]) -> Self:
        """Return this space with just the named parameters free, in that order."""
        if isinstance(names, str) or not isinstance(names, Collection):
            raise ParameterError(f"give a list of parameter names, [{quoted(names)}], not one value")
        for name in names:
            self.index(name)
        values = zip(self._index, self._base.tolist(), strict=True)
        held = {n: v for n, v in values if n not in names and not np.isnan(v)}
        return type(self)(self.parameters, names, held, self._unset)

    def to_native(self, unit: ArrayLike) -> Native:
        """Return (..., all parameters) native float64 for (..., free parameters) unit values.

        Discrete and stepped parameters are quantised to their grid.

        Raises:
            ParameterError: wrong length, NaN, or values outside [0, 1].
        """
        u = self.check(unit).astype(np.float64)
        bins = np.minimum(np.floor(u * self._steps), self._steps - 1)
        values = self._low + np.where(self._discrete, bins, u * self._span)
        if self._log.size:
            low, high = self._low[self._log], self._high[self._log]
            values[..., self._log] = low * (high / low) ** u[..., self._log]
        if self._stepped.size:
            low = self._low[self._stepped]
            values[..., self._stepped] = low + self._step * np.rint(
                (values[..., self._stepped] - low) / self._step
            )
        native = np.empty((*u.shape[:-1], len(self.parameters)))
        native[...] = self._base
        # Rounding may carry a value at the end of its range just past it.
        native[..., self._free] = np.clip(values, self._low, self._high)
        return native

    def to_unit(self, native: ArrayLike) -> Unit:
        """Return (..., free parameters) unit float32 for (..., all parameters) native values.

        Raises:
            ParameterError: wrong length, NaN, or values outside their ranges.
        """
        rows = np.asarray(native, dtype=np.float64)
        if rows.shape[-1:] != (len(self.parameters),):
            raise ParameterError(
                f"a native row has {len(self.parameters)} values; got an array of shape {rows.shape}"
            )
        values = rows[..., self._free]
        if self._unset:  # what a row of a wider space leaves as it is
            kept = np.array([p.name in self._unset for p in self.free]) & np.isnan(values)
            values = np.where(kept, [p.default for p in self.free], values)
        unit = (values - self._low) / self._span
        if self._log.size and (values[..., self._log] > 0).all():
            low, high = self._low[self._log], self._high[self._log]
            unit[..., self._log] = np.log(values[..., self._log] / low) / np.log(high / low)
        return self.check(unit)

    def quantise(self, unit: ArrayLike) -> Unit:
        """Return the unit vectors of the values that are really rendered."""
        return self.to_unit(self.to_native(unit))

    def sample(self, rng: np.random.Generator, count: int | None = None) -> Unit:
        """Return a unit vector (n,) of uniform native values, or ``count`` of them (count, n).

        Args:
            rng: of all that is random.
            count: how many vectors (default: one, without an axis for them).

        Returns:
            Float32, quantised.
        """
        shape = len(self) if count is None else (count, len(self))
        return self.quantise(rng.random(shape, dtype=np.float32))

    def jitter(self, unit: Unit, sigma: float, rng: np.random.Generator) -> Unit:
        """Return a unit vector near another: its values move by a normal, and are reflected at 0 and 1.

        Args:
            unit: the other, (n,).
            sigma: the standard deviation; a category, which has no neighbours, is chosen anew so probably.
            rng: of all that is random.

        Returns:
            Float32 (n,), quantised.
        """
        moved = np.abs(unit + sigma * rng.standard_normal(len(self), dtype=np.float32)) % 2
        moved = np.where(moved > 1, 2 - moved, moved)
        anew = rng.random(len(self), dtype=np.float32)
        values = np.where(rng.random(len(self)) < sigma, anew, unit)
        return self.quantise(np.where(self.categorical, values, moved))

    def check(self, unit: ArrayLike) -> Unit:
        """Return unit vectors as float32, or raise ParameterError (length, NaN, range)."""
        try:
            u = floats("a parameter vector", unit).astype(np.float32)
        except SynthgymError as error:
            raise ParameterError(str(error)) from error
        if u.shape[-1:] != (len(self),):
            raise ParameterError(
                f"a parameter vector has {len(self)} unit values; got an array of shape {u.shape}"
            )
        # NaN fails the comparison too.
        if not ((u >= 0) & (u <= 1)).all():
            raise ParameterError("parameter values must lie in [0, 1] and not be NaN")
        return u

    def row(self, values: Mapping[str, float | str]) -> Native:
        """Return a native row (all parameters,) from values by name; the rest as they stand here."""
        native = self._base.copy()
        for name, value in values.items():
            i = self.index(name)
            native[i] = self.parameters[i].native(value)
        return native

    def describe(self, native: ArrayLike) -> list[dict[str, Any]]:
        """Return name, native value, text and freedom of all that a native row sets, for JSON."""
        free = set(self.names)
        return [
            {
                "name": p.name,
                "native": float(v) if p.steps is None else int(v),
                "text": p.text(float(v)),
                "free": p.name in free,
            }
            for p, v in zip(self.parameters, np.asarray(native), strict=True)
            if not np.isnan(v)
        ]
