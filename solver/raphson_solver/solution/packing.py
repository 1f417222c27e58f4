"""Values by name to flat vectors and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.language import Shape, size
from raphson_solver.language.names import suggestion

Declared = tuple[tuple[str, Shape], ...]


def pack(values: Mapping[str, Any], declared: Declared, field: str) -> NDArray[np.float64]:
    """Return the declared names' numbers, flattened one after another.

    Raises
    ------
    InputError
        For a name that is missing or unknown, a shape that differs, or a number that is not finite.
    """
    known = {name for name, _ in declared}
    for name in values:
        if name not in known:
            what = "variable" if field != "parameters" else "free parameter"
            raise InputError(f"{field}.{name}", f"the system has no {what} '{name}'{suggestion(str(name), known)}")
    flat = np.empty(sum(size(shape) for _, shape in declared))
    place = 0
    for name, shape in declared:
        where = f"{field}.{name}"
        if name not in values:
            raise InputError(where, f"no value for '{name}'; expected {_numbers(shape)}")
        array = as_numbers(values[name], where)
        if array.shape != shape:
            raise InputError(where, f"'{name}' has shape {array.shape}; expected {shape}")
        check_finite(array, where)
        flat[place : place + array.size] = array.reshape(-1)
        place += array.size
    return flat


def unpack(flat: NDArray[np.float64], declared: Declared) -> dict[str, float | NDArray[np.float64]]:
    """Return the declared names' parts of a flat vector."""
    result: dict[str, float | NDArray[np.float64]] = {}
    place = 0
    for name, shape in declared:
        count = size(shape)
        part = flat[place : place + count]
        result[name] = part.reshape(shape) if shape else float(part[0])
        place += count
    return result


def vector(values: ArrayLike, length: int, field: str, what: str) -> NDArray[np.float64]:
    """Return a contiguous vector of finite float64 of the length expected."""
    array = values if type(values) is np.ndarray and values.dtype == np.float64 else as_numbers(values, field)
    if array.shape != (length,):
        raise InputError(field, f"expected shape ({length},), {what}; found {array.shape}")
    return np.ascontiguousarray(array)


def as_numbers(values: Any, field: str) -> NDArray[np.float64]:
    """Return real numbers as float64, or raise `InputError`."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biuf":
            return array.astype(np.float64, copy=False)
        # Objects that are numbers, such as fractions; complex numbers and texts are not real.
        if array.dtype.kind == "O":
            return np.array([float(value) for value in array.flat]).reshape(array.shape)
    except (TypeError, ValueError):
        pass
    raise InputError(field, f"expected numbers, found {type(values).__name__} {str(values)[:60]!r}") from None


def check_finite(array: NDArray[np.float64], field: str) -> None:
    """Raise `InputError` at the first NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        first = int(bad[0])
        where = f" at place {first}" if array.ndim else ""
        raise InputError(field, f"expected finite numbers, found {array.reshape(-1)[first]}{where}")


def _numbers(shape: Shape) -> str:
    return f"numbers of shape {shape}" if shape else "one number"
