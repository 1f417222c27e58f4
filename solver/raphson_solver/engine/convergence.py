"""What a point earns: root, minimum, or neither.

Equation i is solved when

    |f_i| ≤ tolerance · (M_i + Σ_j |J_ij x_j|)     or     |f_i| ≤ absolute_tolerance,

where M_i is the size of the terms that cancel in it. That alone makes a root; what follows only refuses some:

- where Newton's step is still long, as on x − √(x² + 1) for x → ∞, the iteration is escaping;
- where x could change by its own size and no term would notice, f says nothing (`deaf`);
- where f passes only thanks to Σ|J x|, not beside M alone, x must be right to rounding, or f be no more than rounding
  of x leaves in it, and f must change nearby as J says: far out rounding of x moves sin(x) + 1.5 by more than its size.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, ENTRIES, M, N
from raphson_solver.engine.move import relative_size
from raphson_solver.engine.point import complete, evaluate, evaluate_residual
from raphson_solver.engine.status import JacobianMode, Status

_EXACT = int(JacobianMode.EXACT)
_STALLED = int(Status.STALLED)
_LOCAL_MINIMUM = int(Status.LOCAL_MINIMUM)
_LEAST_SQUARES = int(Status.LEAST_SQUARES)

SMALL_STEP = 1e-3
_ROUNDING_STEP = 2.0**-46
_A_LITTLE = 2.0**-5
# Nearer to zero squares and products underflow, and the size that a variable has had counts.
_NO_SIZE = 1e-100
_ON_ITS_WAY = 1e-8
_LINEAR = 0.125
_FLAT_GRADIENT = 1e-8
# How much of its terms may be left of the gradient at a least-squares point; and where no step improves on it.
CLOSELY, LOOSELY = 1e-11, 1e-7
_ROUNDING = 2.0**-50


@jit
def passes(plan: Integers) -> bool:
    """Return whether every equation is solved."""
    f, scale, settings = doubles(plan[layout.F]), doubles(plan[layout.SCALE]), doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    for i in range(plan[M]):
        if not (abs(f[i]) <= tolerance * scale[i] or abs(f[i]) <= absolute_tolerance):
            return False
    return True


@jit
def passes_by_terms(plan: Integers) -> bool:
    """Return whether every equation is solved beside its terms alone, without what changes of x could do to it."""
    f, magnitude, settings = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.SETTINGS])
    for i in range(plan[M]):
        size = abs(f[i])
        if not (size <= settings[layout.TOLERANCE] * magnitude[i] or size <= settings[layout.ABSOLUTE_TOLERANCE]):
            return False
    return True


@jit
def earned(plan: Integers, relative: float, by_terms: bool) -> bool:
    """Return whether a point that passes, with Newton's step from it in STEP, is a root.

    `relative` is the size of the step against x.
    """
    if by_terms:
        return bool(relative <= SMALL_STEP and not deaf(plan))
    right = relative_size(plan, 0.0) <= _ROUNDING_STEP or _largest_share(plan) <= _ROUNDING_STEP
    return bool(right and not deaf(plan) and _linear_nearby(plan))


@jit
def _largest_share(plan: Integers) -> float:
    """Return the largest |f_i| over its scale."""
    f, scale = doubles(plan[layout.F]), doubles(plan[layout.SCALE])
    largest = 0.0
    for i in range(plan[M]):
        if f[i] != 0.0:
            largest = max(largest, abs(f[i]) / scale[i] if scale[i] > 0.0 else np.inf)
    return largest


@jit
def deaf(plan: Integers) -> bool:
    """Return whether some equation hears so little of the variables that its passing says nothing.

    Far out on x − √(x² + 1) f passes beside the size of its terms, and is zero by rounding further out, but moving x
    by all of its size would not change f either. Where f is zero, and the iteration was not escaping, f itself is
    asked: x² − 2x + 1 at its root has no slope, but rises on both sides.
    """
    entries = plan[ENTRIES]
    pattern, values, largest = (
        integers(plan[layout.PATTERN]),
        doubles(plan[layout.VALUES]),
        doubles(plan[layout.LARGEST]),
    )
    f, magnitude, settings = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.SETTINGS])
    scale, x = doubles(plan[layout.SCALE]), doubles(plan[layout.X])
    entry, asked = 0, False
    exact = plan[layout.MODE] == _EXACT
    for i in range(plan[M]):
        effect, known, first = 0.0, True, entry
        while entry < entries and pattern[entry] == i:
            column = pattern[entries + entry]
            # A variable on its way to zero is heard by a little of what it has been.
            size = max(abs(x[column]), (_ON_ITS_WAY if abs(x[column]) > _NO_SIZE else 1.0) * largest[column])
            known = known and (size > 0.0 or values[entry] == 0.0)
            effect += abs(values[entry]) * size
            entry += 1
        if not exact:
            # J may be wrong or noise; the scale is not.
            effect = scale[i] - magnitude[i]
        if entry == first or not known or effect > settings[layout.TOLERANCE] * magnitude[i]:
            continue
        if abs(f[i]) > settings[layout.ABSOLUTE_TOLERANCE] or plan[layout.ESCAPING] != 0:
            return True
        asked = True
    return asked and not fails_nearby(plan)


@jit
def fails_nearby(plan: Integers) -> bool:
    """Return whether every equation that is zero here no longer passes beside its terms when x changes a little.

    By a few hundredths of its size, each variable by another share. What is zero by underflow, or by rounding, is so
    there too. An equation that is not defined there counts as one that fails.
    """
    pattern, largest = integers(plan[layout.PATTERN]), doubles(plan[layout.LARGEST])
    x, f, magnitude = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE])
    origin, heard = doubles(plan[layout.ORIGIN]), doubles(plan[layout.CHANGE])
    lower, upper = doubles(plan[layout.LOWER]), doubles(plan[layout.UPPER])
    settings = doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    for j in range(plan[N]):
        origin[j] = x[j]
    for i in range(plan[M]):
        # Only an equation with variables can hear them.
        heard[i] = 1.0
        if not abs(f[i]) > absolute_tolerance:
            heard[i] = 0.0
    for side in range(2):
        for j in range(plan[N]):
            # A variable on its way to zero moves by some of what it has been; where all underflows, by a lot.
            size = max(abs(origin[j]), (_ON_ITS_WAY if abs(origin[j]) > _NO_SIZE else 1.0) * largest[j])
            if size == 0.0:
                size = 1.0
            move = _A_LITTLE * size * (0.5 + (0.618 * (j + 1)) % 1.0)
            x[j] = origin[j] + (move if side == 0 else -move)
            if plan[BOUNDED] != 0:
                x[j] = min(max(x[j], lower[j]), upper[j])
        evaluate(plan)
        for i in range(plan[M]):
            if not (abs(f[i]) <= tolerance * magnitude[i] or abs(f[i]) <= absolute_tolerance):
                heard[i] = 1.0
    for j in range(plan[N]):
        x[j] = origin[j]
    evaluate(plan)
    entry = 0
    for i in range(plan[M]):
        first = entry
        while entry < plan[ENTRIES] and pattern[entry] == i:
            entry += 1
        if entry > first and heard[i] == 0.0:
            return False
    return True


@jit
def _linear_nearby(plan: Integers) -> bool:
    """Return whether f changes as J says when each x_j moves by 64 of its last digits, the way of STEP and back.

    Only equations that do not pass beside their own terms are asked: others change by less than those are rounded to.
    """
    entries = plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    x, f, trial = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.TRIAL])
    lower, upper = doubles(plan[layout.LOWER]), doubles(plan[layout.UPPER])
    step, origin = doubles(plan[layout.STEP]), doubles(plan[layout.ORIGIN])
    magnitude, settings = doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    for j in range(plan[N]):
        origin[j] = x[j]
    linear = True
    for side in range(2):
        for j in range(plan[N]):
            move = _ROUNDING_STEP * abs(origin[j])
            x[j] = origin[j] + (move if (step[j] >= 0.0) == (side == 0) else -move)
            if plan[BOUNDED] != 0:
                x[j] = min(max(x[j], lower[j]), upper[j])
        evaluate_residual(plan)
        entry = 0
        for i in range(plan[M]):
            change, size = 0.0, 0.0
            while entry < entries and pattern[entry] == i:
                column = pattern[entries + entry]
                part = values[entry] * (x[column] - origin[column])
                change += part
                size += abs(part)
                entry += 1
            if not (abs(f[i]) <= tolerance * magnitude[i] or abs(f[i]) <= absolute_tolerance):
                linear = linear and abs(trial[i] - f[i] - change) <= _LINEAR * size
    for j in range(plan[N]):
        x[j] = origin[j]
    return linear


@jit
def gradient(plan: Integers) -> None:
    """Fill GRADIENT with −JᵀW²f."""
    entries = plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    f, weight, down = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.GRADIENT])
    for j in range(plan[N]):
        down[j] = 0.0
    for entry in range(entries):
        row = pattern[entry]
        down[pattern[entries + entry]] -= weight[row] * values[entry] * (weight[row] * f[row])


@jit
def blocked(plan: Integers, j: int, direction: float) -> bool:
    """Return whether x_j stands at a bound that `direction` leads out of."""
    if plan[BOUNDED] == 0:
        return False
    x = doubles(plan[layout.X])[j]
    return bool(
        (direction > 0.0 and x >= doubles(plan[layout.UPPER])[j])
        or (direction < 0.0 and x <= doubles(plan[layout.LOWER])[j])
    )


@jit
def stationary(plan: Integers, least_squares_gradient: float) -> bool:
    """Return whether the gradient of ½‖W f‖², W the weights, vanishes, but for what points out of bounds.

    Its terms cancel, or are no more than rounding; or, in a square system, moving a variable by its own size would
    change nothing. With more equations than variables the sum may be this times its terms.
    """
    m, n, entries = plan[M], plan[N], plan[ENTRIES]
    pattern, x = integers(plan[layout.PATTERN]), doubles(plan[layout.X])
    f, weight, values = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.VALUES])
    largest, scale = doubles(plan[layout.LARGEST]), doubles(plan[layout.SCALE])
    by_column, starts = 2 * entries, 3 * entries
    for j in range(n):
        total, size, noise = 0.0, 0.0, 0.0
        for place in range(pattern[starts + j], pattern[starts + j + 1]):
            entry = pattern[by_column + place]
            row = pattern[entry]
            slope = weight[row] * values[entry]
            part = slope * (weight[row] * f[row])
            total += part
            size += abs(part)
            noise += abs(slope) * weight[row] * scale[row]
        if blocked(plan, j, -total):
            continue
        if m > n:
            if not abs(total) <= least_squares_gradient * size + _ROUNDING * noise:
                return False
            continue
        reach = max(abs(x[j]), largest[j])
        if not reach > 0.0:
            reach = 1.0
        if not (abs(total) <= _FLAT_GRADIENT * size or abs(total) * reach <= _FLAT_GRADIENT):
            return False
    return True


@jit
def ending(plan: Integers) -> int:
    """Evaluate at x, where no step leads on, and return the `Status` that fits."""
    evaluate(plan)
    complete(plan)
    if not stationary(plan, LOOSELY):
        return _STALLED
    return _LEAST_SQUARES if plan[M] > plan[N] else _LOCAL_MINIMUM
