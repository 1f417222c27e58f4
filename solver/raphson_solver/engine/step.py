"""Where to go from a point: Newton's step, and the least-squares step where J is not square or not regular."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.convergence import CLOSELY, blocked, stationary
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, LANES, M, N
from raphson_solver.engine.least_squares import minimize
from raphson_solver.engine.linear import eliminate, row_length
from raphson_solver.engine.move import bend
from raphson_solver.engine.point import finite, weighted_square
from raphson_solver.engine.sparse_step import sparse_damped_step, sparse_newton_step
from raphson_solver.engine.stopped import stopped
from raphson_solver.engine.vectors import clear, copy_multiple

_LEAST_SHARE = 1e-3
_NOTHING_TO_GAIN = 1e-8
LEAST_DAMPING = 1e-20
"""What least squares are damped by at least: it chooses where several points are as good."""


@jit
def newton_step(plan: Integers) -> bool:
    """Solve J·step = −f, rows divided by the scales of their equations; return whether J, square, allowed it."""
    if plan[layout.LINEAR_SOLVER] != 0:
        return sparse_newton_step(plan)
    n, entries = plan[N], plan[ENTRIES]
    pattern, places = integers(plan[layout.PATTERN]), integers(plan[layout.PLACES])
    f, values, scale = doubles(plan[layout.F]), doubles(plan[layout.VALUES]), doubles(plan[layout.SCALE])
    matrix, length = doubles(plan[layout.MATRIX]), row_length(n)
    dense = entries == n * n
    entry = 0
    for i in range(n):
        inverse = 1.0 / scale[i] if scale[i] > 0.0 else 1.0
        if not np.isfinite(inverse):
            # Terms that are nearly underflowing have slopes without digits.
            return False
        row = places[i] * length
        if dense:
            # The last piece takes in what follows the row, which no one reads.
            for piece in range(0, length, LANES):
                copy_multiple(matrix, row + piece, inverse, values, i * n + piece)
        else:
            for piece in range(0, length, LANES):
                clear(matrix, row + piece)
            while entry < entries and pattern[entry] == i:
                matrix[row + pattern[entries + entry]] = values[entry] * inverse
                entry += 1
        matrix[row + n] = -f[i] * inverse
    return bool(eliminate(plan, matrix, doubles(plan[layout.STEP])))


@jit
def set_inverse_sizes(plan: Integers) -> None:
    """Fill INVERSE_SIZE with one over the size each variable has had; next to none is a thousandth of the largest."""
    n = plan[N]
    largest, inverse = doubles(plan[layout.LARGEST]), doubles(plan[layout.INVERSE_SIZE])
    extent = 0.0
    for j in range(n):
        extent = max(extent, largest[j])
    for j in range(n):
        inverse[j] = 1.0 / max(largest[j], _LEAST_SHARE * max(extent, 1.0))


@jit
def damped_step(plan: Integers, damping: float) -> bool:
    """Minimise ‖W(J·step + f)‖² + damping·‖D·step‖², D from INVERSE_SIZE; return whether it is finite.

    A variable at a bound that GRADIENT leads out of stays where it is.
    """
    if plan[layout.LINEAR_SOLVER] != 0:
        return sparse_damped_step(plan, damping)
    if stopped(plan):
        return False
    m, n, entries = plan[M], plan[N], plan[ENTRIES]
    rows = m + n
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight, inverse = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.INVERSE_SIZE])
    matrix, down = doubles(plan[layout.LEAST_SQUARES]), doubles(plan[layout.GRADIENT])
    right = doubles(plan[layout.LEAST_SQUARES] + 8 * rows * n)
    for place in range(rows * n):
        matrix[place] = 0.0
    for entry in range(entries):
        row, column = pattern[entry], pattern[entries + entry]
        if not blocked(plan, column, down[column]):
            matrix[column * rows + row] = weight[row] * values[entry]
    root = np.sqrt(damping)
    for j in range(n):
        matrix[j * rows + m + j] = root * inverse[j]
        right[m + j] = 0.0
    for i in range(m):
        right[i] = -weight[i] * f[i]
    step = doubles(plan[layout.STEP])
    return minimize(plan, matrix, right, rows, n, step) and finite(step, n)


@jit
def predicted_square(plan: Integers, step: Doubles, length: float) -> float:
    """Return ‖W(f + length·J·step)‖²: what the linear model says the sum of squares will be."""
    entries = plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT])
    total, entry = 0.0, 0
    for i in range(plan[M]):
        change = 0.0
        while entry < entries and pattern[entry] == i:
            change += values[entry] * step[pattern[entries + entry]]
            entry += 1
        total += (weight[i] * (f[i] + length * change)) ** 2
    return total


@jit
def descent(plan: Integers, step: Doubles) -> float:
    """Return minus half the slope of ‖W f‖² along the step."""
    entries = plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT])
    total = 0.0
    for entry in range(entries):
        row = pattern[entry]
        total -= weight[row] * f[row] * (weight[row] * values[entry] * step[pattern[entries + entry]])
    return total


@jit
def at_least_squares(plan: Integers) -> bool:
    """Return whether the sum of squares is at its minimum: no slope, and nothing to gain by the whole step.

    Where J is ill-conditioned the slope alone is lost in rounding far from the minimum. STEP is then the undamped
    least-squares step; GRADIENT and INVERSE_SIZE must be set.
    """
    if not damped_step(plan, LEAST_DAMPING):
        return False
    if not stationary(plan, CLOSELY):
        return False
    merit = weighted_square(plan, doubles(plan[layout.F]))
    bend(plan)
    return bool(merit - predicted_square(plan, doubles(plan[layout.STEP]), 1.0) <= _NOTHING_TO_GAIN * merit)
