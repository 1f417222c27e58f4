"""Points as callers give them: names to arrays, or one array; one point, or any number with dimensions before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.language import Shape, size
from raphson_solver.language.names import suggestion
from raphson_solver.solution.packing import Declared, as_numbers, check_finite

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]


def points(
    values: ArrayLike | Mapping[str, Any] | None, declared: Declared, field: str, *, finite: bool = True
) -> Array:
    """Return numbers of the declared names, flattened one name after another, shape (…, n).

    Parameters
    ----------
    values : mapping of names to arrays of shape (…, *shape), or array of shape (…, n), optional
        Dimensions before a name's own count points, and broadcast with those of the others.
    declared : tuple of (name, shape)
        In order.
    field : str
        What errors call it.
    finite : bool
        Whether to refuse NaN and infinities.

    Raises
    ------
    InputError
        For a name that is missing or unknown, a shape that does not fit, or a number that is not finite.
    """
    count = sum(size(shape) for _, shape in declared)
    if values is None or isinstance(values, Mapping):
        return _joined(values or {}, declared, field, count, finite=finite)
    array = as_numbers(values, field)
    if array.ndim == 0 or array.shape[-1] != count:
        raise InputError(field, f"expected shape (…, {count}); found {array.shape}")
    if finite and not np.isfinite(array).all():
        check_finite(array, field)
    return np.ascontiguousarray(array)


def parameter_points(system: System, given: ArrayLike | Mapping[str, Any] | None, *, finite: bool = True) -> Array:
    """Return the free parameters, shape (…, k); those that are part of the system may be given, but not changed."""
    if isinstance(given, Mapping) and system.structural:
        system.check_structural(given)
        given = {name: value for name, value in given.items() if name not in system.structural}
    return points(given, system.free_parameters, "parameters", finite=finite)


def _joined(values: Mapping[str, Any], declared: Declared, field: str, count: int, *, finite: bool) -> Array:
    known = {name for name, _ in declared}
    for name in values:
        if name not in known:
            what = "free parameter" if field == "parameters" else "variable"
            raise InputError(f"{field}.{name}", f"the system has no {what} '{name}'{suggestion(str(name), known)}")
    parts: list[Array] = []
    batch: Shape = ()
    for name, shape in declared:
        where = f"{field}.{name}"
        if name not in values:
            raise InputError(where, f"no value for '{name}'; expected numbers of shape {shape}")
        array = as_numbers(values[name], where)
        own = len(shape)
        if array.ndim < own or array.shape[array.ndim - own :] != shape:
            raise InputError(where, f"'{name}' has shape {array.shape}; expected {_expected(shape)}")
        if finite:
            check_finite(array, where)
        part = array.reshape((*array.shape[: array.ndim - own], size(shape)))
        batch = broadcast(batch, part.shape[:-1], where)
        parts.append(part)
    flat = np.empty((*batch, count))
    place = 0
    for part in parts:
        flat[..., place : place + part.shape[-1]] = part
        place += part.shape[-1]
    return flat


def broadcast(first: Shape, second: Shape, field: str) -> Shape:
    """Return the shape that two batches have together; raises `InputError` where they do not fit."""
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise InputError(field, f"batch dimensions {second} do not broadcast with {first}") from None


def _expected(shape: Shape) -> str:
    return f"(…, {', '.join(map(str, shape))})" if shape else "() or the batch's dimensions"
