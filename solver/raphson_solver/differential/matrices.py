"""Stacks of Jacobians as callers give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.errors import InputError
from raphson_solver.solution.packing import as_numbers

Array = NDArray[np.float64]


def matrices(values: ArrayLike, field: str) -> Array:
    """Return a stack of matrices, shape (…, m, n), in which NaN and infinities may stand.

    Raises
    ------
    InputError
        For anything else.
    """
    array = as_numbers(values, field)
    if array.ndim < 2:
        raise InputError(field, f"expected a matrix, shape (…, m, n); found {array.shape}")
    return array


def finite_part(given: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the stack with zeros for every matrix that holds a NaN or an infinity, and which ones do not."""
    finite = np.asarray(np.isfinite(given).all(axis=(-2, -1)))
    return (given if finite.all() else np.where(finite[..., None, None], given, 0.0)), finite


def first_place(bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the place of the first true entry."""
    return tuple(int(axis) for axis in np.unravel_index(np.argmax(bad), bad.shape))
