"""A maximum matching: as many equations as possible, each with a variable of its own that it contains."""

from __future__ import annotations

import numpy as np

from raphson_solver.structure.pattern import Places, compressed


def matching(rows: Places, columns: Places, m: int, n: int) -> Places:
    """Return the variable matched to each equation, shape (m,), −1 for none.

    How many are matched is the structural rank: the largest rank that J has for any values of its entries.

    Parameters
    ----------
    rows, columns : ndarray of int64
        The pattern: equation rows[k] contains variable columns[k].
    m, n : int
        Numbers of equations and of variables.
    """
    if not (m and n and rows.size):
        return np.full(m, -1, np.int64)
    # Systems are often written so that each equation contains the variable of its own number.
    if m == n and np.bincount(rows[rows == columns], minlength=n).all():
        return np.arange(n)
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415

    found = maximum_bipartite_matching(compressed(rows, columns, m, n), perm_type="column")
    return np.asarray(found, np.int64)


def equation_of(matched: Places, n: int) -> Places:
    """Return the equation matched to each variable, shape (n,), −1 for none."""
    equations = np.full(n, -1, np.int64)
    found = np.flatnonzero(matched >= 0)
    equations[matched[found]] = found
    return equations
