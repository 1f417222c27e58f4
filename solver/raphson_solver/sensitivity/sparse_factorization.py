"""One sparse LU factorisation of a square matrix, its rows and columns scaled first, for solves on either side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.condition import condition_by_factors
from raphson_solver.sensitivity.factorization import largest_reciprocal, refined, scaled_by

Array = NDArray[np.float64]


class SparseFactorization:
    """As `Factorization`, of a sparse matrix.

    Parameters
    ----------
    matrix : scipy.sparse.csc_array, shape (n, n)
        Finite.

    Attributes
    ----------
    columns, condition
        As there; the condition is an estimate from a few solves.
    """

    def __init__(self, matrix: Any) -> None:
        from scipy.sparse import diags_array  # noqa: PLC0415 - a fifth of a second
        from scipy.sparse.linalg import splu  # noqa: PLC0415

        self._matrix = matrix
        sizes = abs(matrix)
        self._rows = largest_reciprocal(np.asarray(sizes.max(axis=1).todense()).reshape(-1))
        scaled = diags_array(self._rows) @ matrix
        self.columns = largest_reciprocal(np.asarray(abs(scaled).max(axis=0).todense()).reshape(-1))
        scaled = (scaled @ diags_array(self.columns)).tocsc()
        self.condition = np.inf
        try:
            self._factors: Any = splu(scaled)
        except RuntimeError:
            # "Factor is exactly singular".
            return
        self.condition = condition_by_factors(scaled, self._factors)

    def solve(self, right: Array) -> Array:
        """Return A⁻¹ b for b of shape (n,) or (n, k), refined as `Factorization.solve` does; A must not be singular."""
        return refined(self._matrix, right, self._once)

    def solve_transposed(self, right: Array) -> Array:
        """Return A⁻ᵀ b for b of shape (n,) or (n, k), refined like `solve`."""
        return refined(self._matrix.T, right, self._once_transposed)

    def _once(self, right: Array) -> Array:
        return scaled_by(self.columns, self._factors.solve(scaled_by(self._rows, right)))

    def _once_transposed(self, right: Array) -> Array:
        return scaled_by(self._rows, self._factors.solve(scaled_by(self.columns, right), "T"))
