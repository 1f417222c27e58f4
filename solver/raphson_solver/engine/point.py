"""What is known at a point: f, the size of its terms, J, and the scale of each equation."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.differences import differences
from raphson_solver.engine.intrinsics import Doubles, Integers, call_kernel, doubles, integers
from raphson_solver.engine.jit import inlined, jit
from raphson_solver.engine.layout import ENTRIES, EVALUATIONS, ITERATIONS, MODE, STAGE_ITERATIONS, M, N
from raphson_solver.engine.status import JacobianMode

_EXACT = int(JacobianMode.EXACT)
_FORWARD = int(JacobianMode.FORWARD)
_CENTRAL = int(JacobianMode.CENTRAL)
_LARGEST_DOUBLE = 2.0**1023
EXACT_NOISE, _CENTRAL_NOISE, _FORWARD_NOISE = 2.0**-50, 2.0**-34, 2.0**-24


@inlined
def larger(a: float, b: float) -> float:
    """Return the larger of two numbers, b where that is not known: one instruction, where `max` is several."""
    return max(b, a)


@jit
def by_differences(plan: Integers) -> bool:
    """Return whether J comes from evaluations of f."""
    return bool(plan[MODE] == _FORWARD or plan[MODE] == _CENTRAL)


@jit
def evaluate(plan: Integers) -> None:
    """At x, fill f, the size of its terms and, unless it comes by differences, J."""
    call_kernel(
        plan[layout.EVALUATE_ADDRESS],
        plan[layout.EVALUATE_PROGRAM],
        doubles(plan[layout.X]),
        doubles(plan[layout.P]),
        doubles(plan[layout.F]),
        doubles(plan[layout.WORK]),
    )
    plan[EVALUATIONS] += 1


@jit
def evaluate_residual(plan: Integers) -> None:
    """At x, fill TRIAL with f alone."""
    call_kernel(
        plan[layout.RESIDUAL_ADDRESS],
        plan[layout.RESIDUAL_PROGRAM],
        doubles(plan[layout.X]),
        doubles(plan[layout.P]),
        doubles(plan[layout.TRIAL]),
        doubles(plan[layout.WORK]),
    )
    plan[EVALUATIONS] += 1


@jit
def complete(plan: Integers) -> bool:
    """After `evaluate` at a point that is kept: J if it comes by differences, scales; return whether J is finite."""
    m, n, entries = plan[M], plan[N], plan[ENTRIES]
    pattern, x = integers(plan[layout.PATTERN]), doubles(plan[layout.X])
    scale, values, largest = doubles(plan[layout.SCALE]), doubles(plan[layout.VALUES]), doubles(plan[layout.LARGEST])
    magnitude = doubles(plan[layout.MAGNITUDE])
    plan[layout.JACOBIAN_EVALUATIONS] += 1
    sound = True
    if plan[MODE] == _EXACT:
        dense = entries == m * n
        starts = 3 * entries + n + 1
        for i in range(m):
            effect = 0.0
            if dense:
                for j in range(n):
                    effect += abs(values[i * n + j] * x[j])
            else:
                for entry in range(pattern[starts + i], pattern[starts + i + 1]):
                    effect += abs(values[entry] * x[pattern[entries + entry]])
            scale[i] = magnitude[i] + effect
            sound = sound and np.isfinite(scale[i])
        # Where x is zero, or a product overflows, only the entries themselves tell.
        sound = sound or finite(values, entries)
    else:
        if by_differences(plan):
            plan[EVALUATIONS] += differences(plan)
        # Not from this J: a scale from somebody's wrong derivatives would pass anything.
        call_kernel(
            plan[layout.EFFECT_ADDRESS],
            plan[layout.EFFECT_PROGRAM],
            x,
            doubles(plan[layout.P]),
            scale,
            doubles(plan[layout.WORK]),
        )
        for i in range(m):
            scale[i] += magnitude[i]
        sound = finite(values, entries)
    for i in range(m):
        # Where the scale overflows, |f| over it would be zero and pass.
        scale[i] = min(scale[i], _LARGEST_DOUBLE)
    if sound:
        for j in range(n):
            largest[j] = larger(largest[j], abs(x[j]))
    return sound


@jit
def jacobian_noise(plan: Integers) -> float:
    """Return how small a part of J's largest entries is only what rounding left."""
    if plan[MODE] == _FORWARD:
        return _FORWARD_NOISE
    return _CENTRAL_NOISE if plan[MODE] == _CENTRAL else EXACT_NOISE


@jit
def sound_jacobian(plan: Integers) -> bool:
    """Return whether J, if it came with f, is finite."""
    return by_differences(plan) or finite(doubles(plan[layout.VALUES]), plan[ENTRIES])


@jit
def may_step(plan: Integers) -> bool:
    """Count one more step; return whether it is within the limit and, in a cascade, the attempt's share of it."""
    if plan[ITERATIONS] >= plan[layout.ITERATION_LIMIT] or plan[STAGE_ITERATIONS] >= plan[layout.STAGE_LIMIT]:
        return False
    plan[ITERATIONS] += 1
    plan[STAGE_ITERATIONS] += 1
    return True


@jit
def set_weights(plan: Integers) -> None:
    """Fill WEIGHT with one over the nominal size of each equation, else over its scale.

    With more equations than variables the weights say which least-squares point is meant: the sum of squares as it
    stands, unless nominal sizes are given.
    """
    m = plan[M]
    scale, weight = doubles(plan[layout.SCALE]), doubles(plan[layout.WEIGHT])
    nominal = doubles(plan[layout.NOMINAL_RESIDUAL])
    for i in range(m):
        if nominal[i] > 0.0:
            weight[i] = 1.0 / nominal[i]
        elif m > plan[N]:
            weight[i] = 1.0
        else:
            weight[i] = 1.0 / scale[i] if scale[i] > 0.0 else 1.0


@jit
def weighted_square(plan: Integers, f: Doubles) -> float:
    """Return Σ(w_i f_i)²."""
    weight = doubles(plan[layout.WEIGHT])
    total = 0.0
    for i in range(plan[M]):
        total += (f[i] * weight[i]) ** 2
    return total


@jit
def finite(values: Doubles, count: int) -> bool:
    """Return whether none of the numbers is NaN or infinite."""
    for place in range(count):
        if not np.isfinite(values[place]):
            return False
    return True
