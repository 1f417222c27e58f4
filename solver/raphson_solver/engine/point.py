"""What is known at a point: f, the size of its terms, J, the scale of each equation, and what they say."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine.differences import differences
from raphson_solver.engine.intrinsics import Doubles, Integers, call_kernel
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import (
    ENTRIES,
    EVALUATE_ADDRESS,
    EVALUATE_PROGRAM,
    EVALUATIONS,
    JACOBIAN_EVALUATIONS,
    MODE,
    RESIDUAL_ADDRESS,
    RESIDUAL_PROGRAM,
    N,
)
from raphson_solver.engine.status import JacobianMode

_FORWARD = int(JacobianMode.FORWARD)
_CENTRAL = int(JacobianMode.CENTRAL)
_FLAT_GRADIENT = 1e-8


@jit
def by_differences(plan: Integers) -> bool:
    """Return whether J comes from evaluations of f."""
    return bool(plan[MODE] == _FORWARD or plan[MODE] == _CENTRAL)


@jit
def evaluate(plan: Integers, p: Doubles, x: Doubles, f: Doubles, work: Doubles) -> None:
    """Fill f, M and, unless it comes by differences, J: they lie one after another."""
    call_kernel(plan[EVALUATE_ADDRESS], plan[EVALUATE_PROGRAM], x, p, f, work)
    plan[EVALUATIONS] += 1


@jit
def complete(
    plan: Integers, pattern: Integers, p: Doubles, x: Doubles, f: Doubles, magnitude: Doubles, values: Doubles,
    scale: Doubles, largest: Doubles, above: Doubles, below: Doubles, work: Doubles,
) -> None:  # fmt: skip
    """After `evaluate`: fill J if it comes by differences, and the scale of each equation."""
    n, entries = plan[N], plan[ENTRIES]
    plan[JACOBIAN_EVALUATIONS] += 1
    if by_differences(plan):
        plan[EVALUATIONS] += differences(
            plan[RESIDUAL_ADDRESS], plan[RESIDUAL_PROGRAM], plan[MODE], pattern, n, entries, x, p, largest, f,
            values, above, below, work,
        )  # fmt: skip
    for i in range(n):
        scale[i] = magnitude[i]
    for entry in range(entries):
        scale[pattern[entry]] += abs(values[entry] * x[pattern[entries + entry]])


@jit
def passes(f: Doubles, scale: Doubles, n: int, tolerance: float, absolute_tolerance: float) -> bool:
    """Return whether every equation is solved."""
    for i in range(n):
        if not (abs(f[i]) <= tolerance * scale[i] or abs(f[i]) <= absolute_tolerance):
            return False
    return True


@jit
def scaled_norm(f: Doubles, scale: Doubles, n: int) -> float:
    """Return the largest |f_i| over its scale; NaN if any is."""
    norm = 0.0
    for i in range(n):
        size = abs(f[i]) / scale[i] if scale[i] > 0.0 else abs(f[i])
        if not size <= norm:
            norm = size
    return norm


@jit
def finite(values: Doubles, count: int) -> bool:
    """Return whether none of the numbers is NaN or infinite."""
    for place in range(count):
        if not np.isfinite(values[place]):
            return False
    return True


@jit
def flat(
    plan: Integers,
    pattern: Integers,
    f: Doubles,
    values: Doubles,
    scale: Doubles,
    x: Doubles,
    largest: Doubles,
) -> bool:
    """Return whether the gradient of ½‖W f‖², W the inverse scales, vanishes.

    Either its terms cancel, or moving a variable by its own size would change nothing.
    """
    n, entries = plan[N], plan[ENTRIES]
    by_column, starts = 2 * entries, 3 * entries
    for j in range(n):
        total, size = 0.0, 0.0
        for place in range(pattern[starts + j], pattern[starts + j + 1]):
            entry = pattern[by_column + place]
            row = pattern[entry]
            weight = 1.0 / scale[row] if scale[row] > 0.0 else 1.0
            part = weight * values[entry] * (weight * f[row])
            total += part
            size += abs(part)
        reach = max(abs(x[j]), largest[j])
        if not reach > 0.0:
            reach = 1.0
        if abs(total) > _FLAT_GRADIENT * size and abs(total) * reach > _FLAT_GRADIENT:
            return False
    return True
