"""Sparse matrices like those of networks and grids, for tests."""

from __future__ import annotations

import numpy as np
from raphson_solver.sparse import Pattern, Stop

NEVER = np.zeros(2, np.int64)


def stop() -> Stop:
    """Return what never ends the work."""
    return Stop(int(NEVER.ctypes.data))


def random_matrix(rng: np.random.Generator, n: int, share: float = 0.05) -> tuple[Pattern, np.ndarray]:
    """Return a pattern with its whole diagonal, row by row, and entries that make it regular."""
    there = rng.random((n, n)) < share
    there |= there.T
    np.fill_diagonal(there, True)
    rows, columns = np.nonzero(there)
    values = rng.normal(size=rows.size)
    values[rows == columns] += 4.0
    return Pattern(rows, columns, n), values


def grid(k: int) -> tuple[Pattern, np.ndarray]:
    """Return the five-point Laplacian on k×k points."""
    i, j = np.divmod(np.arange(k * k), k)
    rows, columns, values = [np.arange(k * k)], [np.arange(k * k)], [np.full(k * k, 4.0)]
    for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        inside = (i + di >= 0) & (i + di < k) & (j + dj >= 0) & (j + dj < k)
        rows.append(np.flatnonzero(inside))
        columns.append(np.flatnonzero(inside) + di * k + dj)
        values.append(np.full(int(inside.sum()), -1.0))
    row, column, value = map(np.concatenate, (rows, columns, values))
    order = np.lexsort((column, row))
    return Pattern(row[order], column[order], k * k), value[order]
