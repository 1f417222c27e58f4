"""Dense elimination in panels of columns: to the last bit what `linear` does, where a matrix no longer fits the caches.

Column after column every number of the matrix would be fetched and put back for one product. Here 32 columns are
eliminated first, in their own panel; the numbers right of it are then fetched once for 32 products (LAPACK's blocked
algorithm, by rows).
"""

from __future__ import annotations

from raphson_solver.engine.intrinsics import Doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import LANES
from raphson_solver.engine.vectors import less_product, subtract_multiple, subtract_products

PANEL = 4 * LANES
_ROWS = 4


@jit
def eliminate_column(a: Doubles, k: int, n: int, length: int, inverse: float) -> None:
    """Leave the multiples of row k in column k below it, and subtract them within the piece of that column."""
    top, edge = k * length, k // LANES * LANES + LANES
    for i in range(k + 1, n):
        row = i * length
        factor = a[row + k] * inverse
        a[row + k] = factor
        for j in range(k + 1, edge):
            a[row + j] = less_product(a[row + j], factor, a[top + j])


@jit
def subtract_rows(a: Doubles, first: int, last: int, n: int, length: int, start: int, end: int) -> None:
    """Subtract from all rows below them the multiples of rows first to last, in the columns from start to end."""
    for i in range(first + 1, last):
        for k in range(first, i):
            for piece in range(start, end, LANES):
                subtract_multiple(a, i * length + piece, a[i * length + k], k * length + piece)
    whole = (last - first) // LANES * LANES + first
    i = last
    while i + _ROWS <= n:
        row = i * length
        for piece in range(start, end, LANES):
            for k in range(first, whole, LANES):
                subtract_products(a, row + piece, row + k, k * length + piece, length)
        for below in range(row, row + _ROWS * length, length):
            for k in range(whole, last):
                for piece in range(start, end, LANES):
                    subtract_multiple(a, below + piece, a[below + k], k * length + piece)
        i += _ROWS
    while i < n:
        for k in range(first, last):
            for piece in range(start, end, LANES):
                subtract_multiple(a, i * length + piece, a[i * length + k], k * length + piece)
        i += 1
