"""Least squares by Householder's reflections: backward stable, where JᵀJ would square the condition number."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine.intrinsics import Doubles, Integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.linear import LONG
from raphson_solver.engine.stopped import stopped


@jit
def minimize(plan: Integers, a: Doubles, b: Doubles, rows: int, n: int, solution: Doubles) -> bool:
    """Find the n numbers that minimise ‖a·solution − b‖₂, where `a` has full rank; return whether it has.

    Also false where the solve is to stop. `a` is rows×n, column after column, rows ≥ n; it and `b` are overwritten.
    """
    for k in range(n):
        if n >= LONG and stopped(plan):
            return False
        column = k * rows
        largest = 0.0
        for i in range(k, rows):
            largest = max(largest, abs(a[column + i]))
        if not (largest > 0.0 and np.isfinite(largest)):
            return False
        square = 0.0
        for i in range(k, rows):
            square += (a[column + i] / largest) ** 2
        norm = largest * np.sqrt(square)
        pivot = a[column + k]
        if pivot > 0.0:
            norm = -norm
        # The reflection I − v vᵀ/(norm·v_k), v the column less norm at its head; v_k = pivot − norm cancels nothing.
        head = pivot - norm
        a[column + k] = head
        for other in range(k + 1, n):
            _reflect(a, column, a, other * rows, k, rows, norm * head)
        _reflect(a, column, b, 0, k, rows, norm * head)
        a[column + k] = norm
    for k in range(n - 1, -1, -1):
        total = b[k]
        for other in range(k + 1, n):
            total -= a[other * rows + k] * solution[other]
        solution[k] = total / a[k * rows + k]
    return True


@jit
def _reflect(v: Doubles, v_starts: int, column: Doubles, column_starts: int, k: int, rows: int, square: float) -> None:
    total = 0.0
    for i in range(k, rows):
        total += v[v_starts + i] * column[column_starts + i]
    total /= square
    for i in range(k, rows):
        column[column_starts + i] += total * v[v_starts + i]
