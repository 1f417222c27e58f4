"""From the entries of a sparse matrix to dense ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def scatter(
    entries: Array, rows: NDArray[np.int64], columns: NDArray[np.int64], m: int, n: int, out: Array | None = None
) -> Array:
    """Return matrices, shape (count, m·n), with these entries and zeros elsewhere; no place comes twice."""
    if out is None:
        out = np.zeros((entries.shape[0], m * n))
    else:
        out[:] = 0.0
    out[:, rows * n + columns] = entries
    return out
