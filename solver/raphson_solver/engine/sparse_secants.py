"""Broyden's updates where J is sparse: kept as vectors beside the factors of the J that they change.

With v = D²s and w = B⁻¹u for each update B + u·vᵀ, the inverse becomes (I − w·vᵀ/(1 + vᵀw))·B⁻¹ (Sherman & Morrison
1950). After `layout.SPARSE_SECANTS` of them J is evaluated anew.
"""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import SECANTS, SPARSE_SECANTS, N
from raphson_solver.engine.point import finite
from raphson_solver.engine.sparse_lu import substitute
from raphson_solver.engine.sparse_step import AGAIN, solve

# A secant that leaves so little of B's inverse along itself makes B singular.
_LEAST_SHARE = 1e-8


@jit
def sparse_secant_step(plan: Integers) -> bool:
    """Solve B·step = −f; return whether that was possible."""
    f, right = doubles(plan[layout.F]), doubles(plan[layout.MATRIX])
    for i in range(plan[N]):
        right[i] = -f[i]
    return plan[SECANTS] <= SPARSE_SECANTS and _solve(plan)


@jit
def remember_secant(plan: Integers) -> None:
    """Correct B by the step just taken, from ORIGIN to x, and move F on to x."""
    n = plan[N]
    x, origin, step = doubles(plan[layout.X]), doubles(plan[layout.ORIGIN]), doubles(plan[layout.STEP])
    f, trial, inverse = doubles(plan[layout.F]), doubles(plan[layout.TRIAL]), doubles(plan[layout.INVERSE_SIZE])
    right = doubles(plan[layout.MATRIX])
    for i in range(n):
        right[i] = trial[i] - f[i]
        f[i] = trial[i]
    if plan[SECANTS] >= SPARSE_SECANTS or not _solve(plan):
        plan[SECANTS] = SPARSE_SECANTS + 1
        return
    base = plan[layout.APPROXIMATION] + 16 * n * plan[SECANTS]
    w, v = doubles(base), doubles(base + 8 * n)
    square, product = 0.0, 0.0
    for j in range(n):
        v[j] = inverse[j] * inverse[j] * (x[j] - origin[j])
        square += v[j] * (x[j] - origin[j])
        product += v[j] * step[j]
    if not abs(product) > _LEAST_SHARE * square:
        plan[SECANTS] = SPARSE_SECANTS + 1
        return
    for j in range(n):
        w[j] = (step[j] - (x[j] - origin[j])) / product
    plan[SECANTS] += 1


@jit
def _solve(plan: Integers) -> bool:
    """Leave B⁻¹ times what is at MATRIX in STEP."""
    n = plan[N]
    right, size = doubles(plan[layout.MATRIX]), doubles(plan[layout.COLUMN_SIZE])
    step = doubles(plan[layout.STEP])
    for i in range(n):
        right[i] /= size[i]
    if plan[layout.ALONG] != 0:
        substitute(integers(plan[layout.FACTORS]), right, step)
    elif not solve(plan, AGAIN, right):
        return False
    for number in range(plan[SECANTS]):
        base = plan[layout.APPROXIMATION] + 16 * n * number
        w, v = doubles(base), doubles(base + 8 * n)
        product = 0.0
        for j in range(n):
            product += v[j] * step[j]
        for j in range(n):
            step[j] -= product * w[j]
    return finite(step, n)
