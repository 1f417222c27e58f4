"""Steps where J is sparse: its entries go to whoever solves linear systems with them.

The rows of square systems are divided by their largest entries. Scales of equations would not do: that of u = 0 goes to
zero with u, and pivots in an order that is known ahead must be as large as their columns are.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.convergence import blocked
from raphson_solver.engine.intrinsics import Doubles, Integers, call_solver, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, M, N
from raphson_solver.engine.point import finite, larger
from raphson_solver.engine.sparse_lu import ENOUGH_REFINED, REFINEMENTS, SMALL_REMAINDER, refactor, substitute
from raphson_solver.engine.stopped import stopped

NEWTON = 1
"""J·s = b. The matrix is the entries of J."""
SHIFTED = 2
"""(J + S)·s = b. Behind the entries stands the diagonal of S."""
DAMPED = 3
"""Where ‖J·s − b‖² + ‖D·s‖² is least, b of shape (m,). Behind the entries stands the diagonal of D."""
AGAIN = 4
"""As the last `NEWTON`, with another b, divided by what is at COLUMN_SIZE; there is no matrix."""

HARDLY = 1e-6

SOLVED, SINGULAR = 1, 0
"""Answers; the negative of a `Status` ends the solve."""


@jit
def solve(plan: Integers, kind: int, right: Doubles) -> bool:
    """Leave in STEP what solves a system with the entries at MATRIX; return whether anything does."""
    step = doubles(plan[layout.STEP])
    answer = SINGULAR
    if plan[layout.INTERRUPTED] == 0:
        answer = call_solver(plan[layout.LINEAR_SOLVER], kind, doubles(plan[layout.MATRIX]), right, step)
    if answer < 0:
        plan[layout.INTERRUPTED] = -answer
    return answer == SOLVED and finite(step, plan[N])


@jit
def sparse_newton_step(plan: Integers) -> bool:
    """Do as `newton_step`."""
    if stopped(plan):
        return False
    n = plan[N]
    f, values, scale = doubles(plan[layout.F]), doubles(plan[layout.VALUES]), doubles(plan[layout.SCALE])
    right = doubles(plan[layout.TRIAL])
    for i in range(n):
        if scale[i] > 0.0 and not np.isfinite(1.0 / scale[i]):
            # Terms that are nearly underflowing have slopes without digits.
            return False
        right[i] = -f[i]
    # After a step as short as this J has hardly changed: its old factors will do, refined by the new matrix.
    known = plan[layout.ALONG] != 0 and doubles(plan[layout.SETTINGS])[layout.NEWTON_STEP] <= HARDLY
    plan[layout.ALONG] = 0
    if not _equilibrated(plan, values, False):
        return False
    if plan[layout.FACTORS] != 0 and (
        (known and solve_along(plan, right)) or (_factor(plan) and solve_along(plan, right))
    ):
        plan[layout.ALONG] = 1
        return True
    return solve(plan, NEWTON, right)


@jit
def _factor(plan: Integers) -> bool:
    """Make the factors of what is at MATRIX in the order that is known; return whether no pivot is only noise."""
    table, deadline = integers(plan[layout.FACTORS]), doubles(plan[layout.SETTINGS])[layout.DEADLINE]
    return bool(refactor(table, doubles(plan[layout.MATRIX]), plan[layout.CANCEL_ADDRESS], deadline) == plan[N])


@jit
def solve_along(plan: Integers, right: Doubles) -> bool:
    """Solve with these factors, and refine; return whether what is left of the right side is small."""
    n, table = plan[N], integers(plan[layout.FACTORS])
    step, left, better = doubles(plan[layout.STEP]), doubles(plan[layout.CHANGE]), doubles(plan[layout.REFINED])
    substitute(table, right, step)
    most, size = _remainder(plan, right, step, left)
    for _ in range(REFINEMENTS):
        if not most > ENOUGH_REFINED * size:
            break
        substitute(table, left, better)
        for j in range(n):
            better[j] += step[j]
        new, size = _remainder(plan, right, better, left)
        if not new < 0.5 * most:
            break
        most = new
        for j in range(n):
            step[j] = better[j]
    return bool(most <= SMALL_REMAINDER * size and finite(step, n))


@jit
def _remainder(plan: Integers, right: Doubles, step: Doubles, left: Doubles) -> tuple[float, float]:
    """Fill `left` with right − MATRIX·step; return its largest size, and that of a row's terms."""
    n, entries = plan[N], plan[ENTRIES]
    pattern, matrix = integers(plan[layout.PATTERN]), doubles(plan[layout.MATRIX])
    starts, most, size = 3 * entries + n + 1, 0.0, 0.0
    for i in range(n):
        total, terms = right[i], abs(right[i])
        for entry in range(pattern[starts + i], pattern[starts + i + 1]):
            part = matrix[entry] * step[pattern[entries + entry]]
            total -= part
            terms += abs(part)
        left[i] = total
        # A NaN is not small.
        if not abs(total) <= most:
            most = abs(total)
        size = max(size, terms)
    return most, size


@jit
def _equilibrated(plan: Integers, source: Doubles, shifted: bool) -> bool:
    """Fill MATRIX with entries, each row and that of TRIAL divided by its largest; return whether all have one.

    Behind the entries stand shifts, if there are any, which count as entries of their rows.
    """
    n, entries = plan[N], plan[ENTRIES]
    pattern, matrix, right = integers(plan[layout.PATTERN]), doubles(plan[layout.MATRIX]), doubles(plan[layout.TRIAL])
    size = doubles(plan[layout.COLUMN_SIZE])
    starts = 3 * entries + n + 1
    for i in range(n):
        first, last = pattern[starts + i], pattern[starts + i + 1]
        largest = abs(matrix[entries + i]) if shifted else 0.0
        for entry in range(first, last):
            largest = larger(largest, abs(source[entry]))
        inverse = 1.0 / largest if largest > 0.0 else np.inf
        if not np.isfinite(inverse):
            return False
        for entry in range(first, last):
            matrix[entry] = source[entry] * inverse
        if shifted:
            matrix[entries + i] *= inverse
        right[i] *= inverse
        size[i] = largest
    return True


@jit
def sparse_damped_step(plan: Integers, damping: float) -> bool:
    """Do as `damped_step`."""
    if stopped(plan):
        return False
    m, n, entries = plan[M], plan[N], plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight, inverse = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.INVERSE_SIZE])
    matrix, right = doubles(plan[layout.MATRIX]), doubles(plan[layout.LEAST_SQUARES])
    down = doubles(plan[layout.GRADIENT])
    for entry in range(entries):
        row, column = pattern[entry], pattern[entries + entry]
        matrix[entry] = 0.0 if blocked(plan, column, down[column]) else weight[row] * values[entry]
    root = np.sqrt(damping)
    for j in range(n):
        matrix[entries + j] = root * inverse[j]
    for i in range(m):
        right[i] = -weight[i] * f[i]
    return solve(plan, DAMPED, right)


@jit
def sparse_implicit_step(plan: Integers, time: float) -> bool:
    """Do as pseudo-transient continuation's step: (S/δ + J)·step = −f in rows scaled by W."""
    n, entries = plan[N], plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight, inverse = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.INVERSE_SIZE])
    matrix, right = doubles(plan[layout.MATRIX]), doubles(plan[layout.TRIAL])
    for i in range(n):
        matrix[entries + i] = inverse[i] / time
        right[i] = -weight[i] * f[i]
    for entry in range(entries):
        row, column = pattern[entry], pattern[entries + entry]
        matrix[entry] = weight[row] * values[entry]
        if row == column and matrix[entry] < 0.0:
            matrix[entries + row] = -inverse[row] / time
    return _equilibrated(plan, matrix, True) and solve(plan, SHIFTED, right)
