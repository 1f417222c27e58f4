"""What a caller may say of variables and equations besides the start: bounds, and nominal sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.language import size
from raphson_solver.language.names import suggestion
from raphson_solver.solution.packing import Declared, as_numbers, check_finite, vector

Array = NDArray[np.float64]
BoundsLike = Mapping[str, Sequence[Any]] | tuple[ArrayLike, ArrayLike]
NominalLike = Mapping[str, Any] | ArrayLike


@dataclass(frozen=True, slots=True)
class Bounds:
    """The box that x stays in, at every evaluation of f.

    Attributes
    ----------
    lower, upper : ndarray, shape (n,)
        Infinite where there is none.
    """

    lower: Array
    upper: Array

    def check_start(self, x: Array) -> None:
        """Raise `InputError` for a start outside."""
        outside = np.flatnonzero((x < self.lower) | (x > self.upper))
        if outside.size:
            j = int(outside[0])
            raise InputError("start", f"{x[j]} at place {j} is outside its bounds [{self.lower[j]}, {self.upper[j]}]")


def pack_bounds(bounds: BoundsLike, declared: Declared, n: int) -> Bounds:
    """Return bounds from pairs (lower, upper) by name, or from two vectors; None is no bound.

    Raises
    ------
    InputError
        For an unknown name, a shape that does not fit, NaN, or a lower bound above its upper one.
    """
    if not isinstance(bounds, Mapping):
        lower, upper = (vector(side, n, f"bounds.{name}", "a number a variable") for side, name in _sides(bounds))
        return _checked(lower.copy(), upper.copy(), lambda j: f"bounds at place {j}")
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    _check_names(bounds, declared, "bounds")
    names: list[str] = []
    place = 0
    for name, shape in declared:
        count = size(shape)
        names += [name] * count
        if name in bounds:
            for side, (value, which) in zip((lower, upper), _sides(bounds[name], f"bounds.{name}"), strict=True):
                if value is not None:
                    part = as_numbers(value, f"bounds.{name}.{which}")
                    side[place : place + count] = _spread(part, shape, f"bounds.{name}.{which}").reshape(-1)
        place += count
    return _checked(lower, upper, lambda j: f"bounds.{names[j]}")


def pack_nominal(nominal: NominalLike, declared: Declared, n: int) -> Array:
    """Return the size of each variable, 0 where it is not known, from sizes by name or one vector.

    Raises
    ------
    InputError
        For an unknown name, a shape that does not fit, or a size that is not a positive number.
    """
    if not isinstance(nominal, Mapping):
        return _positive(vector(nominal, n, "nominal", "a number a variable"), "nominal")
    flat = np.zeros(n)
    _check_names(nominal, declared, "nominal")
    place = 0
    for name, shape in declared:
        count = size(shape)
        if name in nominal:
            part = _positive(as_numbers(nominal[name], f"nominal.{name}"), f"nominal.{name}")
            flat[place : place + count] = _spread(part, shape, f"nominal.{name}").reshape(-1)
        place += count
    return flat


def pack_nominal_residual(nominal: ArrayLike, m: int) -> Array:
    """Return the size of each equation's residual, shape (m,), all positive."""
    return _positive(vector(nominal, m, "nominal_residual", "a number an equation"), "nominal_residual")


def _sides(pair: Any, field: str = "bounds") -> list[tuple[Any, str]]:
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise InputError(field, f"expected a pair (lower, upper), found {pair!r}")
    return [(pair[0], "lower"), (pair[1], "upper")]


def _check_names(given: Mapping[str, Any], declared: Declared, field: str) -> None:
    known = {name for name, _ in declared}
    for name in given:
        if name not in known:
            raise InputError(f"{field}.{name}", f"the system has no variable '{name}'{suggestion(str(name), known)}")


def _spread(part: Array, shape: tuple[int, ...], field: str) -> Array:
    if part.shape not in ((), shape):
        raise InputError(field, f"has shape {part.shape}; expected a number, or {shape}")
    return np.broadcast_to(part, shape)


def _positive(sizes: Array, field: str) -> Array:
    check_finite(sizes, field)
    if not np.all(sizes > 0.0):
        raise InputError(field, f"expected sizes above 0, found {sizes[~(sizes > 0.0)].flat[0]}")
    return sizes


def _checked(lower: Array, upper: Array, where: Any) -> Bounds:
    wrong = np.flatnonzero(~(lower <= upper) | (lower == np.inf) | (upper == -np.inf))
    if wrong.size:
        j = int(wrong[0])
        raise InputError(where(j), f"expected lower ≤ upper, found [{lower[j]}, {upper[j]}]")
    return Bounds(lower, upper)
