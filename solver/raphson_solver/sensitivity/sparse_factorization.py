"""One sparse LU factorisation of a square matrix, its rows and columns scaled first, for solves on either side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        from scipy.sparse.linalg import LinearOperator, norm, onenormest, splu  # noqa: PLC0415

        n = matrix.shape[0]
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
        inverse = LinearOperator(
            (n, n),
            matvec=self._factors.solve,
            rmatvec=lambda right: self._factors.solve(right, "T"),
            dtype=np.float64,
        )
        with np.errstate(all="ignore"):
            condition = float(norm(scaled, 1)) * float(onenormest(inverse))
        self.condition = condition if np.isfinite(condition) else np.inf

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
