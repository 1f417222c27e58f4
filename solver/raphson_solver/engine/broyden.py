"""Broyden's method: Newton's step from a Jacobian that each step updates by its secant.

B += (Δf − B·s)·sᵀD²/(sᵀD²s), the least change that explains the step s (Broyden 1965), D the inverse sizes. J itself
is evaluated at the start, where the steps no longer lead down, and to judge a root.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, newton_direction
from raphson_solver.engine.convergence import ending, passes
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import APPROXIMATE, ENTRIES, LAST_LENGTH, LAST_STEP, N
from raphson_solver.engine.linear import eliminate, row_length
from raphson_solver.engine.move import EPSILON, ROOT_AT_ZERO, bend, go, go_back, relative_size, set_out
from raphson_solver.engine.newton import out_of_domain, shorter
from raphson_solver.engine.point import (
    complete,
    evaluate,
    evaluate_residual,
    finite,
    may_step,
    set_weights,
    weighted_square,
)
from raphson_solver.engine.sparse_secants import remember_secant, sparse_secant_step
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import set_inverse_sizes
from raphson_solver.engine.stopped import spent

_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)

_SUFFICIENT = 1.0 - 2e-4
_SHORTEST = 0.05


@jit
def broyden(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    settings, f, trial = doubles(plan[layout.SETTINGS]), doubles(plan[layout.F]), doubles(plan[layout.TRIAL])
    if plan[APPROXIMATE] == 0:
        status = newton_direction(plan)
        if status != RUNNING:
            return int(status)
        if plan[layout.LINEAR_SOLVER] == 0:
            _copy_jacobian(plan)
        plan[layout.SECANTS] = 0
        set_weights(plan)
        set_inverse_sizes(plan)
    else:
        if passes(plan) or not _secant_step(plan):
            return _renew(plan)
        if not may_step(plan):
            # The residual that is left behind is judged by scales of an earlier point until then.
            _renew(plan)
            return _ITERATION_LIMIT
    fresh = plan[APPROXIMATE] == 0
    merit = weighted_square(plan, f)
    set_out(plan)
    length = 1.0
    while True:
        go(plan, length)
        evaluate_residual(plan)
        new_merit = weighted_square(plan, trial)
        sound = np.isfinite(new_merit)
        if sound and new_merit <= _SUFFICIENT**length * merit:
            break
        length = 0.5 * length if sound else shorter(length)
        over = spent(plan)
        if not fresh and length < _SHORTEST and not over:
            go_back(plan)
            return _renew(plan)
        if length * settings[LAST_STEP] < EPSILON or over:
            if not sound:
                return int(out_of_domain(plan, over))
            go_back(plan)
            status = ending(plan)
            return _EVALUATION_LIMIT if over else status
    settings[LAST_LENGTH] = length
    _update(plan)
    return RUNNING


@jit
def _renew(plan: Integers) -> int:
    """Evaluate J where x is, and go on from there."""
    plan[APPROXIMATE] = 0
    doubles(plan[layout.SETTINGS])[layout.NEWTON_STEP] = np.inf
    evaluate(plan)
    return RUNNING if complete(plan) and finite(doubles(plan[layout.F]), plan[N]) else _DOMAIN_ERROR


@jit
def _copy_jacobian(plan: Integers) -> None:
    n, entries = plan[N], plan[ENTRIES]
    pattern, values = integers(plan[layout.PATTERN]), doubles(plan[layout.VALUES])
    approximation = doubles(plan[layout.APPROXIMATION])
    for place in range(n * n):
        approximation[place] = 0.0
    for entry in range(entries):
        approximation[pattern[entry] * n + pattern[entries + entry]] = values[entry]


@jit
def _secant_step(plan: Integers) -> bool:
    """Solve B·step = −f, rows scaled by W; return whether that was possible."""
    if not (_dense_secant_step(plan) if plan[layout.LINEAR_SOLVER] == 0 else sparse_secant_step(plan)):
        return False
    bend(plan)
    doubles(plan[layout.SETTINGS])[LAST_STEP] = relative_size(plan, ROOT_AT_ZERO)
    return True


@jit
def _dense_secant_step(plan: Integers) -> bool:
    n = plan[N]
    f, weight, step = doubles(plan[layout.F]), doubles(plan[layout.WEIGHT]), doubles(plan[layout.STEP])
    matrix, approximation = doubles(plan[layout.MATRIX]), doubles(plan[layout.APPROXIMATION])
    places, length = integers(plan[layout.PLACES]), row_length(n)
    for i in range(n):
        row = places[i] * length
        for j in range(n):
            matrix[row + j] = weight[i] * approximation[i * n + j]
        matrix[row + n] = -weight[i] * f[i]
    return eliminate(plan, matrix, step)


@jit
def _update(plan: Integers) -> None:
    """Correct B by the step just taken, from ORIGIN to x, and move F on to x."""
    plan[APPROXIMATE] = 1
    if plan[layout.LINEAR_SOLVER] != 0:
        remember_secant(plan)
        return
    n = plan[N]
    x, origin, f, trial = (
        doubles(plan[layout.X]),
        doubles(plan[layout.ORIGIN]),
        doubles(plan[layout.F]),
        doubles(plan[layout.TRIAL]),
    )
    inverse, approximation = doubles(plan[layout.INVERSE_SIZE]), doubles(plan[layout.APPROXIMATION])
    square = 0.0
    for j in range(n):
        square += (inverse[j] * (x[j] - origin[j])) ** 2
    for i in range(n):
        error = trial[i] - f[i]
        for j in range(n):
            error -= approximation[i * n + j] * (x[j] - origin[j])
        if square > 0.0:
            for j in range(n):
                approximation[i * n + j] += error * (inverse[j] * inverse[j] * (x[j] - origin[j])) / square
        f[i] = trial[i]
