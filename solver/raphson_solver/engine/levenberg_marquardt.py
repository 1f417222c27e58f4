"""Levenberg–Marquardt: Newton's step, damped until the sum of squares falls as the linear model says it should.

The step solves (JᵀW²J + μD²)·d = −JᵀW²f; μ follows the ratio of the actual to the predicted fall (Nielsen 1999,
IMM-REP-1999-05, eq. 2.4). The weights W stay as they are for the whole attempt, so its steps only go down.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import DAMPING, DAMPING_GROWTH, ENTRIES, LAST_STEP, N
from raphson_solver.engine.newton import ROOT_AT_ZERO, RUNNING, newton
from raphson_solver.engine.point import (
    by_differences,
    complete,
    evaluate,
    finite,
    flat,
    may_step,
    passes,
    weighted_square,
)
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import damped_step, inverse_size, newton_step, normal_equations, relative_size

_STALLED = int(Status.STALLED)
_LOCAL_MINIMUM = int(Status.LOCAL_MINIMUM)
_SINGULAR = int(Status.SINGULAR)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)

_SHORT_NEWTON_STEP = 1e-2
_EPSILON = 2.0**-52
_FIRST_DAMPING = 1e-3
_LEAST_RATIO = 1e-4


@jit
def levenberg_marquardt(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    n = plan[N]
    settings = doubles(plan[layout.SETTINGS])
    x, f, weight = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.WEIGHT])
    step, gradient = doubles(plan[layout.STEP]), doubles(plan[layout.ORIGIN])
    normal, keep = doubles(plan[layout.NORMAL]), doubles(plan[layout.TRIAL])
    # Near a root Newton's own step is short and converges faster, and to more digits, than squares can. And Newton
    # tells a root from an escape: a damped step is short wherever it is.
    if passes(plan) or (newton_step(plan) and relative_size(plan, 1.0) <= _SHORT_NEWTON_STEP):
        return int(newton(plan))
    if not normal_equations(plan):
        return _SINGULAR
    if settings[DAMPING] == 0.0:
        largest = 0.0
        for j in range(n):
            largest = max(largest, normal[j * n + j] / inverse_size(plan, j) ** 2)
        settings[DAMPING], settings[DAMPING_GROWTH] = _FIRST_DAMPING * largest, 2.0
    merit = weighted_square(f, weight, n)
    if not may_step(plan):
        return _ITERATION_LIMIT
    sound = True
    while True:
        damping = settings[DAMPING]
        solvable = damped_step(plan, damping)
        relative = relative_size(plan, ROOT_AT_ZERO) if solvable else 1.0
        if relative < _EPSILON or not np.isfinite(damping):
            evaluate(plan)
            complete(plan)
            if not sound:
                return _DOMAIN_ERROR
            return _LOCAL_MINIMUM if flat(plan) else _STALLED
        ratio = -1.0
        if solvable:
            predicted = 0.0
            for j in range(n):
                inverse = inverse_size(plan, j)
                predicted += step[j] * (damping * inverse * inverse * step[j] + gradient[j])
                keep[j] = x[j]
                x[j] += step[j]
            evaluate(plan)
            new_merit = weighted_square(f, weight, n)
            trustworthy = by_differences(plan) or finite(doubles(plan[layout.VALUES]), plan[ENTRIES])
            if trustworthy and np.isfinite(new_merit):
                sound = True
                if predicted > 0.0:
                    ratio = (merit - new_merit) / predicted
            else:
                sound = False
        if ratio > _LEAST_RATIO:
            settings[DAMPING] = damping * max(0.1, 1.0 - (2.0 * ratio - 1.0) ** 3)
            settings[DAMPING_GROWTH] = 2.0
            settings[LAST_STEP] = np.inf
            return RUNNING if complete(plan) else _DOMAIN_ERROR
        if solvable:
            for j in range(n):
                x[j] = keep[j]
        settings[DAMPING] = damping * settings[DAMPING_GROWTH]
        settings[DAMPING_GROWTH] *= 2.0
