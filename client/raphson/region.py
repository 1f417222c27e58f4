"""Bounds and nominal sizes: read from names or from vectors, written for the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from raphson.arrays import Array, split, to_array, write, write_named
from raphson.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from raphson.arrays import RepeatedNamedArray, Shape
    from raphson.v1 import solver_pb2

    Variables = Iterable[tuple[str, Shape]]
    RepeatedBounds = RepeatedCompositeFieldContainer[solver_pb2.Bounds]

Side = ArrayLike | None
Bounds = Mapping[str, Sequence[Any]] | tuple[Side, Side]
"""Name → (lower, upper), or one pair for all unknowns; a side is a number, an array or None."""
Nominal = Mapping[str, ArrayLike] | ArrayLike

SIDES = ("lower", "upper")


def write_bounds(bounds: Bounds, variables: Variables, messages: RepeatedBounds) -> None:
    """Write bounds into a request.

    Parameters
    ----------
    bounds : mapping of str to pair, or pair
        By name, or one pair (lower, upper) for all n unknowns in order.
    variables : sequence of (str, tuple of int)
        Names and shapes, for a pair.
    messages : repeated Bounds
        Where to.

    Raises
    ------
    InvalidRequestError
        If they are no pairs of numbers or arrays; whether they fit the variables is left to the server.
    """
    for name, pair in by_name(bounds, variables).items():
        message = messages.add(name=name)
        for which, side in zip(SIDES, pair, strict=True):
            if side is not None:
                write(side, getattr(message, which), f"bounds[{name}].{which}")


def by_name(bounds: Bounds, variables: Variables) -> dict[str, tuple[Side, Side]]:
    """Return pairs (lower, upper) by name."""
    if not isinstance(bounds, Mapping):
        variables = tuple(variables)
        lower, upper = (
            _side(side, variables, f"bounds.{which}") for which, side in zip(SIDES, pair_of(bounds), strict=True)
        )
        return {name: (lower[name], upper[name]) for name, _ in variables}
    for name in bounds:
        if not isinstance(name, str):
            raise InvalidRequestError.at("bounds", f"{name!r} is not a name; expected the name that the equations use")
    return {name: pair_of(pair, f"bounds[{name}]") for name, pair in bounds.items()}


def pair_of(value: object, field: str = "bounds") -> tuple[Side, Side]:
    """Read a pair (lower, upper)."""
    is_row = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if (is_row or (isinstance(value, np.ndarray) and value.ndim)) and len(value) == 2:  # type: ignore[arg-type]
        return value[0], value[1]  # type: ignore[index]
    expected = "expected (lower, upper)" if field != "bounds" else "expected name → (lower, upper), or one such pair"
    raise InvalidRequestError.at(field, f"{value!r} is not a pair; {expected}, None where there is no bound")


def write_nominal(nominal: Nominal, variables: Variables, messages: RepeatedNamedArray) -> None:
    """Write sizes by name, or one vector of n of them, into a request."""
    if not isinstance(nominal, Mapping):
        nominal = _side(nominal, tuple(variables), "nominal")
    write_named(nominal, messages, "nominal")


def middle(bounds: Mapping[str, tuple[Side, Side]]) -> dict[str, Array]:
    """Return a point between the bounds: what tells names and shapes where there is no start.

    Raises
    ------
    InvalidRequestError
        If a bound is missing or infinite, or the two of a variable differ in shape.
    """
    points: dict[str, Array] = {}
    for name, pair in bounds.items():
        sides = [_finite(side, f"bounds[{name}].{which}") for which, side in zip(SIDES, pair, strict=True)]
        try:
            lower, upper = np.broadcast_arrays(*sides)
        except ValueError:
            description = f"shapes {sides[0].shape} and {sides[1].shape} differ; expected the variable's"
            raise InvalidRequestError.at(f"bounds[{name}]", description) from None
        points[name] = 0.5 * lower + 0.5 * upper
    return points


def _finite(side: Side, field: str) -> Array:
    if side is None:
        raise InvalidRequestError.at(field, "is missing; expected both sides of every variable, to search between")
    array = to_array(side, field)
    if not np.all(np.isfinite(array)):
        raise InvalidRequestError.at(field, f"{side!r} is not finite; expected both sides finite, to search between")
    return array


def _side(side: Any, variables: tuple[tuple[str, Shape], ...], field: str) -> dict[str, Any]:
    """Return one value for each variable: all of a number, each its part of a vector."""
    if side is None:
        return {name: None for name, _ in variables}
    array = to_array(side, field)
    if array.ndim == 0:
        return {name: float(array) for name, _ in variables}
    if len(variables) == 1 and array.shape == variables[0][1]:
        return {variables[0][0]: array}
    return dict(split(array, variables, field))
