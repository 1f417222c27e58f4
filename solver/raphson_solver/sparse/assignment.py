"""Which equation stands for which variable: rows in an order in which the diagonal is large.

Equations come in the order of the text, edges first perhaps, variables in that of their names. Orders of elimination
for nearly symmetric patterns, multigrid and incomplete factors all need large diagonals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A diagonal entry that is at least this part of its row's largest will do.
_LARGE = 0.1
# What counts as the size of an entry that is zero at this point: an equation may stand for its variable all the same.
_ZERO = 1e-300


def assign(rows: Integers, columns: Integers, values: Floats, n: int) -> Integers | None:
    """Return the variable that each equation stands for, shape (n,); None if that is the one of its own number.

    Where each row's largest entry has a column to itself, those; else the assignment with the largest product of
    entries relative to their rows (Duff & Koster 2001).

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        Row by row; the pattern is structurally nonsingular.
    values : ndarray, shape (entries,)
        Finite; no row is zero.
    n : int
        Extent.
    """
    size = np.abs(values)
    first = np.searchsorted(rows, np.arange(n))
    largest = np.maximum.reduceat(size, first)
    on_diagonal = rows == columns
    diagonal = np.zeros(n)
    diagonal[rows[on_diagonal]] = size[on_diagonal]
    if np.all(diagonal >= _LARGE * largest):
        return None
    # Of equal entries the diagonal one, else the first.
    best = np.flatnonzero(size == largest[rows])
    chosen = columns[best[np.searchsorted(rows[best], np.arange(n))]]
    chosen = np.where(diagonal == largest, np.arange(n), chosen)
    if np.unique(chosen).size == n:
        return chosen
    return _of_largest_product(rows, columns, size, largest, n)


def _of_largest_product(rows: Integers, columns: Integers, size: Floats, largest: Floats, n: int) -> Integers:
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - a fifth of a second
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching  # noqa: PLC0415

    # SciPy takes a weight of zero for no entry.
    weight = 1.0 + np.log(largest[rows]) - np.log(np.maximum(size, _ZERO))
    row, column = min_weight_full_bipartite_matching(csr_matrix((weight, (rows, columns)), shape=(n, n)))
    chosen = np.empty(n, np.int64)
    chosen[row] = column
    return chosen
