"""Newton–Raphson, undamped or with a line search: one test and one step at a time.

At x, with f = f(x) and J = f′(x), the step solves J·d = −f. Equation i is solved when

    |f_i| ≤ tolerance · (M_i + Σ_j |J_ij x_j|)     or     |f_i| ≤ absolute_tolerance,

where M_i is the size of the terms that cancel in it. A residual that passes far from where the Newton step leads
(as that of x − √(x² + 1) does for x → ∞) is an escape, not a root: the step there must be small too.

The line search backtracks on ½‖W f‖², W the inverse scales at x, by the parabola through what is known
(Dennis & Schnabel 1983, algorithm A6.3.1).
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ENTRIES, ESCAPING, LAST_STEP, N
from raphson_solver.engine.point import (
    by_differences,
    complete,
    deaf,
    evaluate,
    evaluate_residual,
    finite,
    flat,
    inverse_scales,
    may_step,
    passes,
    passes_by_terms,
    weighted_square,
)
from raphson_solver.engine.status import Method, Status
from raphson_solver.engine.step import damped_step, newton_step, normal_equations, relative_size

RUNNING = 0
_CONVERGED = int(Status.CONVERGED)
_STALLED = int(Status.STALLED)
_LOCAL_MINIMUM = int(Status.LOCAL_MINIMUM)
_SINGULAR = int(Status.SINGULAR)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)

_UNDAMPED = int(Method.NEWTON)
_SMALL_STEP = 1e-3
_ROUNDING_STEP = 2.0**-46
_EPSILON = 2.0**-52
_SUFFICIENT_DECREASE = 1e-4
_A_LITTLE = 0.05
ROOT_AT_ZERO = 1e-5
_LEAST_DAMPING = 1e-10


@jit
def newton(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    settings = doubles(plan[layout.SETTINGS])
    solved = passes(plan)
    # Where f passes only beside what relative changes of x do to it, as sin(x**3) + 1.5 does far out, x must be right
    # to rounding: then no step can do better.
    by_terms = solved and passes_by_terms(plan)
    if by_terms and settings[LAST_STEP] <= _SMALL_STEP and plan[ESCAPING] == 0:
        return _CONVERGED
    n = plan[N]
    singular = not newton_step(plan)
    inverse_scales(plan)
    # Minus half the slope of ‖W f‖² along the step: for Newton's step that is ‖W f‖² itself.
    descent = weighted_square(doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), n)
    if singular and solved and plan[ESCAPING] == 0 and not deaf(plan):
        return _CONVERGED
    if singular:
        if flat(plan) or not (normal_equations(plan) and damped_step(plan, _LEAST_DAMPING)):
            return _SINGULAR
        descent = 0.0
        for j in range(n):
            descent += doubles(plan[layout.ORIGIN])[j] * doubles(plan[layout.STEP])[j]
    relative = relative_size(plan, ROOT_AT_ZERO)
    if solved and not singular:
        if relative <= (_SMALL_STEP if by_terms else _ROUNDING_STEP) and not deaf(plan):
            return _CONVERGED
        if relative > _SMALL_STEP:
            plan[ESCAPING] = 1
    if not may_step(plan):
        return _ITERATION_LIMIT
    return _search(plan, relative, descent, solved)


@jit
def _search(plan: Integers, relative: float, descent: float, solved: bool) -> int:
    """Go along the step: all of it, or less where f is not finite or, unless undamped, not small enough."""
    n = plan[N]
    undamped = plan[layout.STAGE] == _UNDAMPED
    x, f, trial = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.TRIAL])
    step, origin, weight = doubles(plan[layout.STEP]), doubles(plan[layout.ORIGIN]), doubles(plan[layout.WEIGHT])
    for j in range(n):
        origin[j] = x[j]
    merit = weighted_square(f, weight, n)
    length = 1.0
    while True:
        for j in range(n):
            x[j] = origin[j] + length * step[j]
        # The full step is evaluated with its Jacobian, which is wanted far more often than not.
        if length == 1.0:
            evaluate(plan)
            new_merit = weighted_square(f, weight, n)
            sound = by_differences(plan) or finite(doubles(plan[layout.VALUES]), plan[ENTRIES])
        else:
            evaluate_residual(plan)
            new_merit = weighted_square(trial, weight, n)
            sound = True
        sound = sound and np.isfinite(new_merit)
        enough = new_merit <= merit - 2.0 * _SUFFICIENT_DECREASE * length * descent
        if sound and (enough or undamped):
            break
        # Where f is not finite nothing says how far to go back: a little at first, then by powers of ten.
        shorter = 0.5 if length > _A_LITTLE else 0.1
        if sound:
            # Minimiser of the parabola through ‖W f‖² at 0 and at `length`, with the slope at 0.
            shorter = min(0.5, max(0.1, length * descent / (new_merit - merit + 2.0 * length * descent)))
        length *= shorter
        if length * relative < _EPSILON:
            for j in range(n):
                x[j] = origin[j]
            evaluate(plan)
            complete(plan)
            if not sound:
                return _DOMAIN_ERROR
            if solved and plan[ESCAPING] == 0 and not deaf(plan):
                return _CONVERGED
            return _LOCAL_MINIMUM if flat(plan) else _STALLED
    if length < 1.0:
        evaluate(plan)
    doubles(plan[layout.SETTINGS])[LAST_STEP] = relative
    return RUNNING if complete(plan) else _DOMAIN_ERROR
