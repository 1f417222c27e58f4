"""Where to go from a point: Newton's step, and the damped one where the Jacobian does not allow it."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, N
from raphson_solver.engine.linear import factor, substitute
from raphson_solver.engine.point import finite


@jit
def newton_step(plan: Integers) -> bool:
    """Solve J·step = −f, rows scaled to equal size; return whether J allowed it."""
    n, entries = plan[N], plan[ENTRIES]
    pattern, pivots = integers(plan[layout.PATTERN]), integers(plan[layout.PIVOTS])
    f, values = doubles(plan[layout.F]), doubles(plan[layout.VALUES])
    step, matrix = doubles(plan[layout.STEP]), doubles(plan[layout.MATRIX])
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
def normal_equations(plan: Integers) -> bool:
    """Fill NORMAL with JᵀW²J and ORIGIN with −JᵀW²f, W the weights; return whether they are finite and not zero."""
    n, entries = plan[N], plan[ENTRIES]
    pattern = integers(plan[layout.PATTERN])
    f, values, weight = doubles(plan[layout.F]), doubles(plan[layout.VALUES]), doubles(plan[layout.WEIGHT])
    normal, gradient = doubles(plan[layout.NORMAL]), doubles(plan[layout.ORIGIN])
    for place in range(n * n):
        normal[place] = 0.0
    for i in range(n):
        gradient[i] = 0.0
    first = 0
    while first < entries:
        row = pattern[first]
        last = first
        while last < entries and pattern[last] == row:
            last += 1
        for a in range(first, last):
            i = pattern[entries + a]
            weighted = weight[row] * values[a]
            gradient[i] -= weighted * (weight[row] * f[row])
            for b in range(first, last):
                normal[i * n + pattern[entries + b]] += weighted * (weight[row] * values[b])
        first = last
    moves = False
    for i in range(n):
        moves = moves or gradient[i] != 0.0
    return moves and finite(normal, n * n) and finite(gradient, n)


@jit
def damped_step(plan: Integers, damping: float) -> bool:
    """Solve (JᵀW²J + damping·D²)·step = −JᵀW²f from NORMAL and ORIGIN; D_j is one over the size of x_j so far."""
    n = plan[N]
    normal, gradient = doubles(plan[layout.NORMAL]), doubles(plan[layout.ORIGIN])
    step, matrix, pivots = doubles(plan[layout.STEP]), doubles(plan[layout.MATRIX]), integers(plan[layout.PIVOTS])
    for place in range(n * n):
        matrix[place] = normal[place]
    for j in range(n):
        inverse = inverse_size(plan, j)
        matrix[j * n + j] += damping * inverse * inverse
        step[j] = gradient[j]
    if factor(matrix, pivots, n) < n:
        return False
    substitute(matrix, pivots, step, n)
    return finite(step, n)


@jit
def inverse_size(plan: Integers, j: int) -> float:
    """Return one over the size that x_j has had so far; a variable at zero counts as a thousandth of the largest."""
    largest = doubles(plan[layout.LARGEST])
    extent = 0.0
    for k in range(plan[N]):
        extent = max(extent, largest[k])
    return float(1.0 / max(largest[j], 1e-3 * max(extent, 1.0)))


@jit
def relative_size(plan: Integers, memory: float) -> float:
    """Return the largest |step_j| against the size of x_j.

    Where x_j goes to zero its size counts as `memory` times what it has been. With 1e-5 the steps towards a singular
    root at zero, each half the last, become small in time, and the steps of an escape from far away do not.
    """
    n = plan[N]
    x, step, largest = doubles(plan[layout.X]), doubles(plan[layout.STEP]), doubles(plan[layout.LARGEST])
    extent = 0.0
    for j in range(n):
        extent = max(extent, largest[j])
    relative = 0.0
    for j in range(n):
        size = max(max(abs(x[j]), memory * largest[j]), max(1e-8 * extent, 1e-30))
        relative = max(relative, abs(step[j]) / size)
    return relative
