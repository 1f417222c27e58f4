"""One LU factorisation of a square matrix, its rows and columns scaled first, for solves on either side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Factorization:
    """A = LU but for scales and the order of rows.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Finite.

    Attributes
    ----------
    columns : ndarray, shape (n,)
        The scale of each unknown: 1 over the size of its column once rows are of one size. Powers of two.
    condition : float
        About ‖A‖·‖A⁻¹‖ in the 1-norm once rows and columns are of one size; infinite if A is singular.
    sign : float
        Of the determinant: 1, −1, or 0 if A is singular.
    """

    def __init__(self, matrix: Array) -> None:
        from scipy.linalg import get_lapack_funcs  # noqa: PLC0415 - a quarter of a second

        routines: Any = get_lapack_funcs(("getrf", "getrs", "gecon"), dtype=np.float64)
        factor, self._substitute, estimate = routines
        self._rows = largest_reciprocal(np.abs(matrix).max(axis=1))
        scaled = matrix * self._rows[:, None]
        self.columns = largest_reciprocal(np.abs(scaled).max(axis=0))
        scaled *= self.columns
        self._matrix = matrix
        self._lu, self._pivots, info = factor(scaled)
        self.condition, self.sign = np.inf, 0.0
        if info == 0:
            reciprocal, _ = estimate(self._lu, np.abs(scaled).sum(axis=0).max(), norm="1")
            self.condition = 1.0 / reciprocal if reciprocal > 0.0 else np.inf
            swaps = int(np.count_nonzero(self._pivots != np.arange(self._pivots.size)))
            self.sign = float(np.prod(np.sign(np.diagonal(self._lu)))) * (-1.0) ** swaps

    def solve(self, right: Array) -> Array:
        """Return A⁻¹ b for b of shape (n,) or (n, k); A must not be singular.

        One step of iterative refinement is kept where it makes the residual smaller beside the terms that cancel in it.
        """
        return refined(self._matrix, right, self._once)

    def solve_transposed(self, right: Array) -> Array:
        """Return A⁻ᵀ b for b of shape (n,) or (n, k), refined like `solve`."""
        return refined(self._matrix.T, right, self._once_transposed)

    def _once(self, right: Array) -> Array:
        solved, _ = self._substitute(self._lu, self._pivots, scaled_by(self._rows, right))
        return scaled_by(self.columns, _like(solved, right))

    def _once_transposed(self, right: Array) -> Array:
        solved, _ = self._substitute(self._lu, self._pivots, scaled_by(self.columns, right), trans=1)
        return scaled_by(self._rows, _like(solved, right))


def refined(matrix: Any, right: Array, solve: Callable[[Array], Array]) -> Array:
    """Return a solution after a step of refinement, where that made its backward error smaller; dense or sparse."""
    if right.size == 0:
        return right.copy()
    first = solve(right)
    error, residual = _backward_error(matrix, first, right)
    second = first + solve(residual)
    better = _backward_error(matrix, second, right)[0] < error
    return np.where(better, second, first)


def _backward_error(matrix: Any, solved: Array, right: Array) -> tuple[Array, Array]:
    """Return the largest |b − A x| over |A||x| + |b| of each column, and b − A x."""
    residual = right - matrix @ solved
    size = abs(matrix) @ np.abs(solved) + np.abs(right)
    return np.max(np.abs(residual) / np.where(size > 0.0, size, 1.0), axis=0), residual


def largest_reciprocal(sizes: Array) -> Array:
    """Return powers of two near one over the sizes; 1 where a size is 0."""
    _, exponents = np.frexp(sizes)
    return np.where(sizes > 0.0, np.ldexp(1.0, np.clip(-exponents, -1000, 1000)), 1.0)


def scaled_by(scales: Array, values: Array) -> Array:
    """Return rows times their scales, of a vector or of columns."""
    return (values.T * scales).T


def _like(solved: Array, right: Array) -> Array:
    return solved.reshape(right.shape)
