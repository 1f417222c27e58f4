"""Levenberg–Marquardt: Newton's step, damped until the sum of squares falls as the linear model says it should.

The step minimises ‖W(J·d + f)‖² + μ‖D·d‖²; μ follows the ratio of the actual to the predicted fall (Nielsen 1999,
IMM-REP-1999-05, eq. 2.4). The weights W stay as they are for the whole attempt, so its steps only go down. It is the
method for more or fewer equations than variables.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, aim
from raphson_solver.engine.convergence import CLOSELY, ending, gradient, passes, stationary
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import DAMPING, DAMPING_GROWTH, ENTRIES, LAST_LENGTH, LAST_STEP, M, N
from raphson_solver.engine.move import EPSILON, ROOT_AT_ZERO, bend, go, go_back, relative_size, retreat, set_out
from raphson_solver.engine.newton import newton
from raphson_solver.engine.point import (
    complete,
    evaluate,
    evaluate_residual,
    finite,
    may_step,
    sound_jacobian,
    weighted_square,
)
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import (
    LEAST_DAMPING,
    at_least_squares,
    damped_step,
    newton_step,
    predicted_square,
    set_inverse_sizes,
)
from raphson_solver.engine.stopped import spent

_SINGULAR = int(Status.SINGULAR)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)
_LEAST_SQUARES = int(Status.LEAST_SQUARES)

_SHORT_NEWTON_STEP = 1e-2
_FIRST_DAMPING = 1e-3
_LEAST_RATIO = 1e-4
_CLOSE = 1e-10
_SHORTER = 0.95


@jit
def levenberg_marquardt(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    settings = doubles(plan[layout.SETTINGS])
    step, f = doubles(plan[layout.STEP]), doubles(plan[layout.F])
    square = plan[M] == plan[N]
    # Near a root Newton's own step is short and converges faster. And Newton tells a root from an escape: a damped
    # step is short wherever it is.
    if square:
        if passes(plan) or (newton_step(plan) and relative_size(plan, 1.0) <= _SHORT_NEWTON_STEP):
            return int(newton(plan))
    elif passes(plan):
        status = aim(plan)
        if status != RUNNING:
            return int(status)
    gradient(plan)
    down = doubles(plan[layout.GRADIENT])
    if not finite(down, plan[N]) or _vanishes(plan):
        return _SINGULAR if square else int(ending(plan))
    set_inverse_sizes(plan)
    if plan[M] > plan[N] and stationary(plan, CLOSELY):
        if at_least_squares(plan):
            return _LEAST_SQUARES
        settings[DAMPING], settings[DAMPING_GROWTH] = LEAST_DAMPING, 2.0
    if settings[DAMPING] == 0.0:
        settings[DAMPING], settings[DAMPING_GROWTH] = _FIRST_DAMPING * _largest_curvature(plan), 2.0
    merit = weighted_square(plan, f)
    if not may_step(plan):
        return _ITERATION_LIMIT
    set_out(plan)
    sound = True
    while True:
        damping = settings[DAMPING]
        solvable = damped_step(plan, damping)
        relative, fall = 1.0, 1.0
        if solvable:
            bend(plan)
            relative = relative_size(plan, ROOT_AT_ZERO)
            fall = merit - predicted_square(plan, step, 1.0)
        # Near a least-squares point the sum of squares changes by less than rounding, and steps are judged by
        # whether they become shorter.
        close = not square and sound and solvable and fall <= _CLOSE * merit
        if relative < EPSILON or not np.isfinite(damping) or (close and not relative < _SHORTER * settings[LAST_STEP]):
            status = ending(plan)
            return status if sound else _DOMAIN_ERROR
        if spent(plan):
            ending(plan)
            return _EVALUATION_LIMIT
        ratio = -1.0
        if solvable:
            # J at the origin is needed again if the trial fails, so it stays.
            go(plan, 1.0)
            evaluate_residual(plan)
            new_merit = weighted_square(plan, doubles(plan[layout.TRIAL]))
            sound = bool(np.isfinite(new_merit))
            if sound:
                ratio = 1.0 if close else (merit - new_merit) / fall
        if ratio > _LEAST_RATIO:
            evaluate(plan)
            sound = sound_jacobian(plan)
            if not sound:
                ratio = -1.0
                retreat(plan)
        if ratio > _LEAST_RATIO:
            settings[DAMPING] = damping * max(0.1, 1.0 - (2.0 * ratio - 1.0) ** 3)
            settings[DAMPING_GROWTH] = 2.0
            # A damped step says nothing of how far a root is.
            settings[layout.NEWTON_STEP] = np.inf
            settings[LAST_STEP], settings[LAST_LENGTH] = (np.inf if square else relative), damping
            return RUNNING if complete(plan) else _DOMAIN_ERROR
        go_back(plan)
        settings[DAMPING] = damping * settings[DAMPING_GROWTH]
        settings[DAMPING_GROWTH] *= 2.0


@jit
def _vanishes(plan: Integers) -> bool:
    down = doubles(plan[layout.GRADIENT])
    for j in range(plan[N]):
        if down[j] != 0.0:
            return False
    return True


@jit
def _largest_curvature(plan: Integers) -> float:
    """Return the largest diagonal element of D⁻¹JᵀW²JD⁻¹."""
    n, entries = plan[N], plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    weight, inverse = doubles(plan[layout.WEIGHT]), doubles(plan[layout.INVERSE_SIZE])
    by_column, starts = 2 * entries, 3 * entries
    largest = 0.0
    for j in range(n):
        total = 0.0
        for place in range(pattern[starts + j], pattern[starts + j + 1]):
            entry = pattern[by_column + place]
            total += (weight[pattern[entry]] * values[entry] / inverse[j]) ** 2
        largest = max(largest, total)
    return largest
