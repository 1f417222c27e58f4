"""What is known at a point: f, the size of its terms, J, the scale of each equation, and what they say."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.differences import differences
from raphson_solver.engine.intrinsics import Doubles, Integers, call_kernel, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, EVALUATIONS, ITERATIONS, MODE, STAGE_ITERATIONS, N
from raphson_solver.engine.status import JacobianMode

_EXACT = int(JacobianMode.EXACT)
_FORWARD = int(JacobianMode.FORWARD)
_CENTRAL = int(JacobianMode.CENTRAL)
_FLAT_GRADIENT = 1e-8
_LARGEST_DOUBLE = 2.0**1023


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
    n, entries = plan[N], plan[ENTRIES]
    pattern, x = integers(plan[layout.PATTERN]), doubles(plan[layout.X])
    scale, values, largest = doubles(plan[layout.SCALE]), doubles(plan[layout.VALUES]), doubles(plan[layout.LARGEST])
    magnitude = doubles(plan[layout.MAGNITUDE])
    for j in range(n):
        largest[j] = max(largest[j], abs(x[j]))
    plan[layout.JACOBIAN_EVALUATIONS] += 1
    if by_differences(plan):
        plan[EVALUATIONS] += differences(
            plan[layout.RESIDUAL_ADDRESS],
            plan[layout.RESIDUAL_PROGRAM],
            plan[MODE],
            pattern,
            n,
            entries,
            x,
            doubles(plan[layout.P]),
            largest,
            doubles(plan[layout.F]),
            values,
            doubles(plan[layout.TRIAL]),
            doubles(plan[layout.STEP]),
            doubles(plan[layout.WORK]),
        )
    for i in range(n):
        scale[i] = magnitude[i]
    # In the other modes the kernel has added this to M: a scale from somebody's wrong J would pass anything.
    if plan[MODE] == _EXACT:
        for entry in range(entries):
            scale[pattern[entry]] += abs(values[entry] * x[pattern[entries + entry]])
    for i in range(n):
        # Where the scale overflows, |f| over it would be zero and pass.
        scale[i] = min(scale[i], _LARGEST_DOUBLE)
    return finite(values, entries)


@jit
def may_step(plan: Integers) -> bool:
    """Count one more step; return whether it is within the limit and, in a cascade, the attempt's share of it."""
    if plan[ITERATIONS] >= plan[layout.ITERATION_LIMIT] or plan[STAGE_ITERATIONS] >= plan[layout.STAGE_LIMIT]:
        return False
    plan[ITERATIONS] += 1
    plan[STAGE_ITERATIONS] += 1
    return True


@jit
def passes(plan: Integers) -> bool:
    """Return whether every equation is solved."""
    f, scale, settings = doubles(plan[layout.F]), doubles(plan[layout.SCALE]), doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    for i in range(plan[N]):
        if not (abs(f[i]) <= tolerance * scale[i] or abs(f[i]) <= absolute_tolerance):
            return False
    return True


@jit
def passes_by_terms(plan: Integers) -> bool:
    """Return whether every equation is solved beside its terms alone, without what changes of x could do to it."""
    f, magnitude, settings = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.SETTINGS])
    for i in range(plan[N]):
        size = abs(f[i])
        if not (size <= settings[layout.TOLERANCE] * magnitude[i] or size <= settings[layout.ABSOLUTE_TOLERANCE]):
            return False
    return True


@jit
def deaf(plan: Integers) -> bool:
    """Return whether some equation hears so little of the variables that its passing says nothing.

    Far out on x − √(x² + 1) f passes beside the size of its terms, and is zero by rounding further out, but moving x
    by all of its size would not change f either. A residual of zero counts, unless the iteration was escaping.
    """
    n, entries = plan[N], plan[ENTRIES]
    pattern, values, largest = (
        integers(plan[layout.PATTERN]),
        doubles(plan[layout.VALUES]),
        doubles(plan[layout.LARGEST]),
    )
    f, magnitude, settings = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.SETTINGS])
    entry = 0
    for i in range(n):
        effect, known = 0.0, True
        while entry < entries and pattern[entry] == i:
            size = largest[pattern[entries + entry]]
            known = known and (size > 0.0 or values[entry] == 0.0)
            effect += abs(values[entry]) * size
            entry += 1
        unheard = known and not effect > settings[layout.TOLERANCE] * magnitude[i]
        if unheard and (abs(f[i]) > settings[layout.ABSOLUTE_TOLERANCE] or plan[layout.ESCAPING] != 0):
            return True
    return False


@jit
def scaled_norm(plan: Integers) -> float:
    """Return the largest |f_i| over its scale; NaN if any is."""
    f, scale = doubles(plan[layout.F]), doubles(plan[layout.SCALE])
    norm = 0.0
    for i in range(plan[N]):
        size = abs(f[i]) / scale[i] if scale[i] > 0.0 else abs(f[i])
        if not size <= norm:
            norm = size
    return norm


@jit
def weighted_square(f: Doubles, weight: Doubles, n: int) -> float:
    """Return Σ(w_i f_i)²."""
    total = 0.0
    for i in range(n):
        total += (f[i] * weight[i]) ** 2
    return total


@jit
def finite(values: Doubles, count: int) -> bool:
    """Return whether none of the numbers is NaN or infinite."""
    for place in range(count):
        if not np.isfinite(values[place]):
            return False
    return True


@jit
def inverse_scales(plan: Integers) -> None:
    """Fill WEIGHT with one over the scale of each equation."""
    scale, weight = doubles(plan[layout.SCALE]), doubles(plan[layout.WEIGHT])
    for i in range(plan[N]):
        weight[i] = 1.0 / scale[i] if scale[i] > 0.0 else 1.0


@jit
def flat(plan: Integers) -> bool:
    """Return whether the gradient of ½‖W f‖², W the weights, vanishes.

    Either its terms cancel, or moving a variable by its own size would change nothing.
    """
    n, entries = plan[N], plan[ENTRIES]
    pattern, x = integers(plan[layout.PATTERN]), doubles(plan[layout.X])
    f, weight, values = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.VALUES])
    largest = doubles(plan[layout.LARGEST])
    by_column, starts = 2 * entries, 3 * entries
    for j in range(n):
        total, size = 0.0, 0.0
        for place in range(pattern[starts + j], pattern[starts + j + 1]):
            entry = pattern[by_column + place]
            row = pattern[entry]
            part = weight[row] * values[entry] * (weight[row] * f[row])
            total += part
            size += abs(part)
        reach = max(abs(x[j]), largest[j])
        if not reach > 0.0:
            reach = 1.0
        if abs(total) > _FLAT_GRADIENT * size and abs(total) * reach > _FLAT_GRADIENT:
            return False
    return True
