"""Powers of two for rows and columns that bring the entries of a matrix near 1, so that units count for nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_SWEEPS = 100
_CLOSE = 0.5


def by_largest(matrix: Matrix) -> Matrix:
    """Return the matrix with rows and columns scaled until the largest of each is near 1; none may be zero."""
    return _scaled(matrix, *_largest(_logarithms(matrix)))


def by_all(matrix: Matrix) -> Matrix:
    """Return the matrix scaled so that all its entries together are as near 1 as can be, then as `by_largest`.

    It finds any scaling by rows and columns of a matrix whose entries were near 1; scaling by the largest entry
    alone may not, where there are zeros.
    """
    logarithms = _logarithms(matrix)
    rows, columns = _means(logarithms)
    more_rows, more_columns = _largest(logarithms - rows[:, None] - columns)
    return _scaled(matrix, rows + more_rows, columns + more_columns)


def _logarithms(matrix: Matrix) -> Matrix:
    with np.errstate(divide="ignore"):
        logarithms: Matrix = np.log2(np.abs(matrix))
    return logarithms


def _scaled(matrix: Matrix, rows: Matrix, columns: Matrix) -> Matrix:
    # In two steps: together they may be beyond what a double's exponent holds.
    powers = -(np.rint(rows)[:, None] + np.rint(columns)).astype(np.int32)
    scaled: Matrix = np.ldexp(np.ldexp(matrix, powers // 2), powers - powers // 2)
    return scaled


def _largest(logarithms: Matrix) -> tuple[Matrix, Matrix]:
    rows, columns = np.zeros(logarithms.shape[0]), np.zeros(logarithms.shape[1])
    for _ in range(_SWEEPS):
        rest = logarithms - rows[:, None] - columns
        by_row, by_column = rest.max(axis=1), rest.max(axis=0)
        if max(np.abs(by_row).max(), np.abs(by_column).max()) < _CLOSE:
            break
        rows += by_row / 2
        columns += by_column / 2
    return rows, columns


def _means(logarithms: Matrix) -> tuple[Matrix, Matrix]:
    """Return r and c with r_i + c_j nearest to the finite entries, in least squares, by conjugate gradients."""
    mask = np.isfinite(logarithms)
    weights = mask.astype(np.float64)
    entries = np.where(mask, logarithms, 0.0)
    m = mask.shape[0]

    def normal(z: Matrix) -> Matrix:
        return np.concatenate([counts[:m] * z[:m] + weights @ z[m:], counts[m:] * z[m:] + z[:m] @ weights])

    counts = np.concatenate([weights.sum(axis=1), weights.sum(axis=0)])
    solution = np.zeros(counts.size)
    residual = np.concatenate([entries.sum(axis=1), entries.sum(axis=0)])
    direction = preconditioned = residual / counts
    size = residual @ preconditioned
    for _ in range(4 * _SWEEPS):
        if np.abs(preconditioned).max() < _CLOSE / _SWEEPS:
            break
        image = normal(direction)
        step = size / (direction @ image)
        solution += step * direction
        residual = residual - step * image
        preconditioned = residual / counts
        size, before = residual @ preconditioned, size
        direction = preconditioned + size / before * direction
    return solution[:m], solution[m:]
