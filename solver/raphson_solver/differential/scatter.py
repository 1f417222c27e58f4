"""From the entries of a sparse matrix to dense ones, and to products with vectors."""

from __future__ import annotations

import math

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


def summed(parts: Array, places: NDArray[np.int64], size: int) -> Array:
    """Return the parts, shape (…, entries), of each place added, shape (…, size)."""
    flat = parts.reshape(math.prod(parts.shape[:-1]), parts.shape[-1])
    result = np.zeros((flat.shape[0], size))
    for row, each in enumerate(flat):
        result[row] = np.bincount(places, each, size)
    return result.reshape((*parts.shape[:-1], size))
