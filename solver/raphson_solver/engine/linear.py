"""Dense elimination, in place, without allocation, of rows that are made of whole pieces of `layout.LANES` numbers.

Rows hold their right side too, behind the n entries. They are put where the elimination before found them to belong; a
pivot that is still at least a tenth of what is below it stays. So mostly none is looked for, and none waited for.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles, integers
from raphson_solver.engine.jit import inlined, jit
from raphson_solver.engine.layout import LANES, N
from raphson_solver.engine.panels import PANEL, eliminate_column, subtract_rows
from raphson_solver.engine.point import jacobian_noise
from raphson_solver.engine.stopped import stopped
from raphson_solver.engine.vectors import largest_of_columns, less_product, subtract_multiple, swap

ENOUGH = 10.0
"""A pivot stays where what is below it is at most so many times its size."""
LONG = 64
"""From so many numbers a row on matrices are eliminated in panels, and looking whether to stop takes no time."""


row_length = inlined(layout.row_length)


@jit
def eliminate(plan: Integers, a: Doubles, x: Doubles) -> bool:
    """Solve for x; return whether that was possible: no pivot was only noise, x is finite, and nobody stopped it.

    Noise is what is no larger than `jacobian_noise` times the largest of its column at first. ROWS says which row was
    put at each place, PLACES where each was put; both are brought up to date. COLUMN_SIZE is overwritten.
    """
    # A copy of the code for each of the usual lengths.
    length = row_length(plan[N])
    if length == LANES:
        return _by_columns(plan, a, x, LANES)
    if length == 2 * LANES:
        return _by_columns(plan, a, x, 2 * LANES)
    return _in_panels(plan, a, x, length) if length >= LONG else _by_columns(plan, a, x, length)


@inlined
def _by_columns(plan: Integers, a: Doubles, x: Doubles, length: int) -> bool:
    n, noise, sizes = plan[N], jacobian_noise(plan), doubles(plan[layout.COLUMN_SIZE])
    for piece in range(0, length, LANES):
        largest_of_columns(a, piece, n, length, sizes)
    for k in range(n):
        if not _put_pivot(plan, a, k, length, noise):
            return False
        top, inverse = k * length, sizes[k]
        first = (k + 1) // LANES * LANES
        for i in range(k + 1, n):
            if a[i * length + k] != 0.0:
                factor = a[i * length + k] * inverse
                for piece in range(first, length, LANES):
                    subtract_multiple(a, i * length + piece, factor, top + piece)
    return _substitute(plan, a, x, length)


@jit
def _in_panels(plan: Integers, a: Doubles, x: Doubles, length: int) -> bool:
    n, noise, sizes = plan[N], jacobian_noise(plan), doubles(plan[layout.COLUMN_SIZE])
    for piece in range(0, length, LANES):
        largest_of_columns(a, piece, n, length, sizes)
    for panel in range(0, n, PANEL):
        edge = min(panel + PANEL, length)
        for piece in range(panel, min(edge, n), LANES):
            if stopped(plan):
                return False
            last = min(piece + LANES, n)
            for k in range(piece, last):
                if not _put_pivot(plan, a, k, length, noise):
                    return False
                eliminate_column(a, k, n, length, sizes[k])
            subtract_rows(a, piece, last, n, length, piece + LANES, edge)
        subtract_rows(a, panel, min(panel + PANEL, n), n, length, edge, length)
    return _substitute(plan, a, x, length)


@inlined
def _put_pivot(plan: Integers, a: Doubles, k: int, length: int, noise: float) -> bool:
    """Find the pivot of column k, and leave one over it in place of the column's size; return False if it is noise."""
    n, sizes, top = plan[N], doubles(plan[layout.COLUMN_SIZE]), k * length
    own = abs(a[top + k])
    largest = own
    for i in range(k + 1, n):
        size = abs(a[i * length + k])
        largest = max(largest, size)
    if not largest > noise * sizes[k]:
        return False
    if ENOUGH * own < largest:
        rows, places = integers(plan[layout.ROWS]), integers(plan[layout.PLACES])
        pivot = k + 1
        while abs(a[pivot * length + k]) != largest:
            pivot += 1
        for piece in range(0, length, LANES):
            swap(a, top + piece, pivot * length + piece)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        places[rows[k]], places[rows[pivot]] = k, pivot
    sizes[k] = 1.0 / a[top + k]
    return True


@inlined
def _substitute(plan: Integers, a: Doubles, x: Doubles, length: int) -> bool:
    n, inverses = plan[N], doubles(plan[layout.COLUMN_SIZE])
    sound = True
    for i in range(n - 1, -1, -1):
        total = a[i * length + n]
        # The number found last comes last: all others need not wait for it.
        for j in range(n - 1, i, -1):
            total = less_product(total, a[i * length + j], x[j])
        x[i] = total * inverses[i]
        sound = sound and np.isfinite(x[i])
    return sound
