"""Linear systems with a sparse J, by LU factors; the pattern is sorted once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# What a solution may leave of the right side, beside its terms, before J counts as singular.
_LARGEST_REMAINDER = 1e-6
# The share of entries whose mirror images may differ from zero too.
_NEARLY = 0.9


class SparseFactors:
    """Solves J·s = b for one pattern after another set of entries.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        The pattern, row by row.
    n : int
        Extent of J.
    """

    def __init__(self, rows: Integers, columns: Integers, n: int) -> None:
        self._rows, self._columns, self._n = rows, columns, n
        self._by_column = np.lexsort((rows, columns))
        self._row_of = rows[self._by_column].astype(np.int32)
        self._starts = np.searchsorted(columns[self._by_column], np.arange(n + 1)).astype(np.int32)
        # With a pattern that is nearly symmetric, as of most networks and discretised equations, an order for J + Jᵀ
        # and pivots on the diagonal leave a fraction of the fill.
        there = np.isin(columns * n + rows, rows * n + columns, assume_unique=True)
        self._is_symmetric = bool(rows.size and np.mean(there) >= _NEARLY)

    def solve(self, entries: Array, right: Array) -> Array | None:
        """Return s, shape (n,), or None where J is singular or nearly so.

        Parameters
        ----------
        entries : ndarray, shape (entries,)
            Of J, in the order of the pattern; finite.
        right : ndarray, shape (n,)
            The right side; finite.
        """
        from scipy.sparse import csc_array  # noqa: PLC0415 - a fifth of a second
        from scipy.sparse.linalg import splu  # noqa: PLC0415

        # Rows of one size: what is left of the right side can then be compared.
        largest = np.zeros(self._n)
        np.maximum.at(largest, self._rows, np.abs(entries))
        if not np.all(largest > 0.0):
            return None
        weight = 1.0 / largest
        values = entries * weight[self._rows]
        b = right * weight
        matrix = csc_array((values[self._by_column], self._row_of, self._starts), shape=(self._n, self._n))
        ways: list[dict[str, Any]] = [{}]
        if self._is_symmetric:
            ways.insert(
                0, {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.01, "options": {"SymmetricMode": True}}
            )
        for way in ways:
            try:
                factors = splu(matrix, **way)
            except RuntimeError:
                # "Factor is exactly singular".
                continue
            solution = self._refined(matrix, factors, values, b)
            if solution is not None:
                return solution
        return None

    def _refined(self, matrix: Any, factors: Any, values: Array, b: Array) -> Array | None:
        """Return the solution after one step of refinement; None where that leaves too much of the right side."""
        solution: Array = factors.solve(b)
        with np.errstate(all="ignore"):
            solution = solution + factors.solve(b - matrix @ solution)
            remainder = float(np.max(np.abs(b - matrix @ solution)))
            size = float(np.max(np.bincount(self._rows, np.abs(values * solution[self._columns]), self._n)))
        # A NaN is not small either.
        is_good = remainder <= _LARGEST_REMAINDER * max(size, float(np.max(np.abs(b))))
        return solution if is_good else None
