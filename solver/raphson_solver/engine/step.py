"""Where to go from a point: Newton's step, and what to do where the Jacobian is singular."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine.intrinsics import Doubles, Integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, N
from raphson_solver.engine.linear import factor, substitute
from raphson_solver.engine.point import finite

_EPSILON = 2.0**-52
_REGULARISATION = 1e-8


@jit
def newton_step(
    plan: Integers,
    pattern: Integers,
    f: Doubles,
    values: Doubles,
    step: Doubles,
    pivots: Integers,
    matrix: Doubles,
) -> bool:
    """Solve J·step = −f, rows scaled to equal size; return whether J allowed it."""
    n, entries = plan[N], plan[ENTRIES]
    for place in range(n * n):
        matrix[place] = 0.0
    for i in range(n):
        step[i] = 0.0
    for entry in range(entries):
        row = pattern[entry]
        step[row] = max(step[row], abs(values[entry]))
    for i in range(n):
        inverse = 1.0 / step[i]
        if not (step[i] > 0.0 and np.isfinite(inverse)):
            return False
        step[i] = inverse
    for entry in range(entries):
        row = pattern[entry]
        matrix[row * n + pattern[entries + entry]] = values[entry] * step[row]
    for i in range(n):
        step[i] *= -f[i]
    if factor(matrix, pivots, n) < n:
        return False
    substitute(matrix, pivots, step, n)
    return finite(step, n)


@jit
def regularised_step(
    plan: Integers, pattern: Integers, f: Doubles, values: Doubles, scale: Doubles, step: Doubles, pivots: Integers,
    matrix: Doubles,
) -> bool:  # fmt: skip
    """Solve (JᵀW²J + μD)·step = −JᵀW²f, W the inverse scales; return whether it leads anywhere."""
    n, entries = plan[N], plan[ENTRIES]
    for place in range(n * n):
        matrix[place] = 0.0
    for i in range(n):
        step[i] = 0.0
    first = 0
    while first < entries:
        row = pattern[first]
        last = first
        while last < entries and pattern[last] == row:
            last += 1
        weight = 1.0 / scale[row] if scale[row] > 0.0 else 1.0
        for a in range(first, last):
            i = pattern[entries + a]
            step[i] -= weight * values[a] * (weight * f[row])
            for b in range(first, last):
                matrix[i * n + pattern[entries + b]] += weight * values[a] * (weight * values[b])
        first = last
    diagonal = 0.0
    moves = False
    for i in range(n):
        diagonal = max(diagonal, matrix[i * n + i])
        moves = moves or step[i] != 0.0
    if not (moves and diagonal > 0.0 and np.isfinite(diagonal)):
        return False
    for i in range(n):
        matrix[i * n + i] += _REGULARISATION * max(matrix[i * n + i], _EPSILON * diagonal)
    if factor(matrix, pivots, n) < n:
        return False
    substitute(matrix, pivots, step, n)
    return finite(step, n)


@jit
def relative_size(step: Doubles, x: Doubles, largest: Doubles, n: int) -> float:
    """Return the largest |step_j| against the size that x_j has had so far."""
    extent = 0.0
    for j in range(n):
        extent = max(extent, largest[j])
    relative = 0.0
    for j in range(n):
        size = max(max(abs(x[j]), largest[j]), max(1e-8 * extent, 1e-30))
        relative = max(relative, abs(step[j]) / size)
    return relative
