"""Orders of elimination: minimum degree, as SuperLU has it (Liu 1985)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine import sparse_lu
from raphson_solver.sparse.matrix import Pattern


class Order:
    """An order of pivots, and what follows from it.

    Parameters
    ----------
    pattern : Pattern
        Of the matrix.
    row_of, column_of : ndarray of int, shape (n,)
        Which pivot each row, and each column, belongs to.
    budget : float
        Products and sums that factors in this order may take.

    Attributes
    ----------
    right, solution : ndarray of int32, shape (n,)
        Which number of the right side, and of the solution, each pivot stands for.
    matrix : tuple of ndarray of int32
        The matrix in this order: starts of rows, columns, and where each entry stood.
    lower_starts, lower, upper_starts, upper : ndarray
        Where the factors have entries; see `symbolic`.
    work : float
        Products and sums that factors take; infinite if more than the budget, and then nothing else counts.
    """

    def __init__(
        self, pattern: Pattern, row_of: NDArray[np.int32], column_of: NDArray[np.int32], budget: float
    ) -> None:
        self.right, self.solution = np.argsort(row_of).astype(np.int32), np.argsort(column_of).astype(np.int32)
        self.matrix = pattern.moved(row_of, column_of)
        found = sparse_lu.symbolic(self.matrix[0], self.matrix[1], pattern.n, budget)
        self.work, self.lower_starts, self.lower, self.upper_starts, self.upper = found

    @property
    def fill(self) -> int:
        """Entries of both factors."""
        return int(self.lower.size + self.upper.size + self.right.size)


def minimum_degree(pattern: Pattern) -> NDArray[np.int32]:
    """Return which pivot each row and column belongs to, for a nearly symmetric pattern; shape (n,)."""
    from scipy.sparse.linalg import spilu  # noqa: PLC0415 - a fifth of a second

    # The order alone is wanted: incomplete factors that drop everything come after it at next to no cost.
    diagonal = pattern.rows == pattern.columns
    matrix = pattern.by_columns(np.where(diagonal, 2.0 * pattern.n, 1.0))
    found: NDArray[np.int32] = spilu(
        matrix, drop_tol=1.0, fill_factor=1.0, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0
    ).perm_c
    return found
