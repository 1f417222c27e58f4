"""Dense LU with partial pivoting, in place, without allocation."""

from __future__ import annotations

from raphson_solver.engine.intrinsics import Doubles, Integers
from raphson_solver.engine.jit import jit


@jit
def factor(a: Doubles, pivots: Integers, sizes: Doubles, n: int, noise: float) -> int:
    """Overwrite `a`, n×n in C order, with its LU factors; return the rank found: n, unless a pivot is only noise.

    That is one no larger than `noise` times the largest of its column at first. `sizes` is room for n numbers.
    """
    for j in range(n):
        sizes[j] = 0.0
    for i in range(n):
        for j in range(n):
            sizes[j] = max(sizes[j], abs(a[i * n + j]))
    for k in range(n):
        pivot, largest = k, abs(a[k * n + k])
        for i in range(k + 1, n):
            size = abs(a[i * n + k])
            if size > largest:
                pivot, largest = i, size
        pivots[k] = pivot
        if not largest > noise * sizes[k]:
            return k
        if pivot != k:
            for j in range(n):
                a[k * n + j], a[pivot * n + j] = a[pivot * n + j], a[k * n + j]
        inverse = 1.0 / a[k * n + k]
        for i in range(k + 1, n):
            if a[i * n + k] != 0.0:
                multiple = a[i * n + k] * inverse
                a[i * n + k] = multiple
                for j in range(k + 1, n):
                    a[i * n + j] -= multiple * a[k * n + j]
    return n


@jit
def substitute(lu: Doubles, pivots: Integers, b: Doubles, n: int) -> None:
    """Overwrite `b`, n numbers, with the solution of ``L U x = P b``."""
    for k in range(n):
        pivot = pivots[k]
        if pivot != k:
            b[k], b[pivot] = b[pivot], b[k]
    for i in range(1, n):
        total = b[i]
        for j in range(i):
            total -= lu[i * n + j] * b[j]
        b[i] = total
    for i in range(n - 1, -1, -1):
        total = b[i]
        for j in range(i + 1, n):
            total -= lu[i * n + j] * b[j]
        b[i] = total / lu[i * n + i]
