"""Dense elimination, in place, without allocation, of rows that are made of whole pieces of `layout.LANES` numbers.

Rows hold their right side too, behind the n entries. They are put where the elimination before found them to belong; a
pivot that is still at least a tenth of what is below it stays. So mostly none is looked for, and none waited for.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Doubles, Integers
from raphson_solver.engine.jit import inlined, jit
from raphson_solver.engine.layout import LANES
from raphson_solver.engine.vectors import largest_of_columns, less_product, subtract_multiple, swap

ENOUGH = 10.0
"""A pivot stays where what is below it is at most so many times its size."""


row_length = inlined(layout.row_length)


@jit
def eliminate(a: Doubles, rows: Integers, places: Integers, sizes: Doubles, x: Doubles, n: int, noise: float) -> bool:
    """Solve for x; return whether that was possible: no pivot was only noise, and x is finite.

    Noise is what is no larger than `noise` times the largest of its column at first. `rows` says which row was put at
    each place, `places` where each was put; both are brought up to date. `sizes` is room for a row.
    """
    # A copy of the code for each of the usual lengths.
    length = row_length(n)
    if length == LANES:
        return _eliminate(a, rows, places, sizes, x, n, LANES, noise)
    if length == 2 * LANES:
        return _eliminate(a, rows, places, sizes, x, n, 2 * LANES, noise)
    return _eliminate(a, rows, places, sizes, x, n, length, noise)


@inlined
def _eliminate(
    a: Doubles, rows: Integers, places: Integers, sizes: Doubles, x: Doubles, n: int, length: int, noise: float
) -> bool:
    for piece in range(0, length, LANES):
        largest_of_columns(a, piece, n, length, sizes)
    for k in range(n):
        top = k * length
        own = abs(a[top + k])
        largest = own
        for i in range(k + 1, n):
            size = abs(a[i * length + k])
            largest = max(largest, size)
        if not largest > noise * sizes[k]:
            return False
        if ENOUGH * own < largest:
            pivot = k + 1
            while abs(a[pivot * length + k]) != largest:
                pivot += 1
            for piece in range(0, length, LANES):
                swap(a, top + piece, pivot * length + piece)
            rows[k], rows[pivot] = rows[pivot], rows[k]
            places[rows[k]], places[rows[pivot]] = k, pivot
        inverse = 1.0 / a[top + k]
        sizes[k] = inverse
        first = (k + 1) // LANES * LANES
        for i in range(k + 1, n):
            if a[i * length + k] != 0.0:
                factor = a[i * length + k] * inverse
                for piece in range(first, length, LANES):
                    subtract_multiple(a, i * length + piece, factor, top + piece)
    sound = True
    for i in range(n - 1, -1, -1):
        total = a[i * length + n]
        # The number found last comes last: all others need not wait for it.
        for j in range(n - 1, i, -1):
            total = less_product(total, a[i * length + j], x[j])
        x[i] = total * sizes[i]
        sound = sound and np.isfinite(x[i])
    return sound
