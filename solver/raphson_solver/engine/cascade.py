"""The way into the engine: attempts one after another, each from the start, until one converges.

`auto` tries a line search, then undamped Newton, which leaves minima that trap every line search, then
Levenberg–Marquardt with equations weighted to equal size and as they stand. Each attempt has a share of the allowed
iterations; the best point of all is kept and returned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles, integers, load_flag, monotonic_seconds
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BEST_METHOD, DEADLINE, FIRST_STATUS, ITERATIONS, STAGE, N
from raphson_solver.engine.levenberg_marquardt import levenberg_marquardt
from raphson_solver.engine.newton import RUNNING, newton
from raphson_solver.engine.point import complete, evaluate, finite, inverse_scales, scaled_norm
from raphson_solver.engine.status import Method, Status

NOT_FINITE = -1
"""A start or a parameter is NaN or infinite; nothing was done."""
WRONG_SIZE = -2
"""There are more or fewer numbers than variables or parameters; nothing was done."""

_CONVERGED = int(Status.CONVERGED)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_TIME_LIMIT = int(Status.TIME_LIMIT)
_CANCELLED = int(Status.CANCELLED)
_AUTO = int(Method.AUTO)
_NEWTON = int(Method.NEWTON)
_LINE_SEARCH = int(Method.LINE_SEARCH)
_LEVENBERG_MARQUARDT = int(Method.LEVENBERG_MARQUARDT)

# Attempts: the methods by their numbers, and after them variants of a method.
_UNWEIGHTED = 100
_OVER = 0


@jit
def iterate(plan_address: int) -> int:
    """Take up to `plan[SLICE_LIMIT]` steps; return a `Status`, `NOT_FINITE`, or `RUNNING` to be called again."""
    plan = integers(plan_address)
    settings = doubles(plan[layout.SETTINGS])
    x, best = doubles(plan[layout.X]), doubles(plan[layout.BEST])
    n = plan[N]
    taken = 0
    status = RUNNING
    if plan[STAGE] == 0:
        if not (finite(x, n) and finite(doubles(plan[layout.P]), plan[layout.PARAMETER_COUNT])):
            return NOT_FINITE
        for counter in range(STAGE, layout.PLAN_SIZE):
            plan[counter] = 0
        start = doubles(plan[layout.START])
        for j in range(n):
            start[j] = x[j]
        plan[STAGE] = _LINE_SEARCH if plan[layout.METHOD] == _AUTO else plan[layout.METHOD]
        status = _begin(plan)
    while True:
        while status == RUNNING:
            if load_flag(plan[layout.CANCEL_ADDRESS]) != 0:
                status = _CANCELLED
            elif settings[DEADLINE] > 0.0 and monotonic_seconds() > settings[DEADLINE]:
                status = _TIME_LIMIT
            elif taken >= plan[layout.SLICE_LIMIT]:
                return RUNNING
            else:
                taken += 1
                status = _advance(plan)
        if status == _CONVERGED:
            plan[BEST_METHOD] = plan[STAGE]
            break
        # Keep the point if it is the best so far; go on with the next attempt, if any.
        norm = scaled_norm(plan)
        if norm < settings[layout.BEST_NORM] or plan[BEST_METHOD] == 0:
            settings[layout.BEST_NORM] = norm
            plan[BEST_METHOD] = plan[STAGE]
            for j in range(n):
                best[j] = x[j]
        if plan[FIRST_STATUS] == 0:
            plan[FIRST_STATUS] = status
        following = _next(plan[STAGE]) if plan[layout.METHOD] == _AUTO else _OVER
        if status == _CANCELLED or status == _TIME_LIMIT:
            break
        if following == _OVER or plan[ITERATIONS] >= plan[layout.ITERATION_LIMIT]:
            status = plan[FIRST_STATUS]
            break
        plan[STAGE] = following
        status = _begin(plan)
    if status != _CONVERGED:
        for j in range(n):
            x[j] = best[j]
        evaluate(plan)
        complete(plan)
    if plan[BEST_METHOD] == _UNWEIGHTED:
        plan[BEST_METHOD] = _LEVENBERG_MARQUARDT
    plan[STAGE] = 0
    answer = doubles(plan[layout.ANSWER])
    answer[layout.ANSWER_ITERATIONS] = plan[ITERATIONS]
    answer[layout.ANSWER_EVALUATIONS] = plan[layout.EVALUATIONS]
    answer[layout.ANSWER_JACOBIANS] = plan[layout.JACOBIAN_EVALUATIONS]
    answer[layout.ANSWER_METHOD] = plan[BEST_METHOD]
    answer[layout.ANSWER_NORM] = _conclude(plan)
    return status


@jit
def _conclude(plan: Integers) -> float:
    """Put the scaled residual in the place of the scale; return the largest |f|, NaN if any is."""
    f, scale = doubles(plan[layout.F]), doubles(plan[layout.SCALE])
    norm = 0.0
    for i in range(plan[N]):
        size = abs(f[i])
        if not size <= norm:
            norm = size
        scale[i] = size / scale[i] if scale[i] > 0.0 else size
    return norm


@jit
def enter(plan_address: int, given_x: NDArray[np.float64], given_p: NDArray[np.float64]) -> int:
    """Copy start and parameters in, then do as `iterate`; return `WRONG_SIZE` if they do not fit."""
    plan = integers(plan_address)
    if given_x.size != plan[N] or given_p.size != plan[layout.PARAMETER_COUNT]:
        return WRONG_SIZE
    x, p = doubles(plan[layout.X]), doubles(plan[layout.P])
    for j in range(given_x.size):
        x[j] = given_x[j]
    for k in range(given_p.size):
        p[k] = given_p[k]
    return int(iterate(plan_address))


@functools.cache
def entrance() -> Callable[[int, NDArray[np.float64], NDArray[np.float64]], int]:
    """Return `enter`, ready for contiguous vectors; for any other arguments it raises TypeError at once.

    The vectors go in as arrays since copying a short one costs NumPy more than a step of the iteration.
    """
    dispatcher: Any = enter
    vectors = [types.Array(types.float64, 1, "C", readonly=readonly) for readonly in (False, True)]
    for x in vectors:
        for p in vectors:
            dispatcher.compile((types.int64, x, p))
    dispatcher.disable_compile()
    return cast("Callable[..., int]", dispatcher)


@jit
def _next(stage: int) -> int:
    if stage == _LINE_SEARCH:
        return _NEWTON
    if stage == _NEWTON:
        return _LEVENBERG_MARQUARDT
    return _UNWEIGHTED if stage == _LEVENBERG_MARQUARDT else _OVER


@jit
def _begin(plan: Integers) -> int:
    """Go back to the start and evaluate there."""
    n = plan[N]
    settings = doubles(plan[layout.SETTINGS])
    x, f, start = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.START])
    largest, weight = doubles(plan[layout.LARGEST]), doubles(plan[layout.WEIGHT])
    plan[layout.STAGE_ITERATIONS] = 0
    plan[layout.STAGE_LIMIT] = _share(plan)
    plan[layout.ESCAPING] = 0
    settings[layout.LAST_STEP] = np.inf
    settings[layout.DAMPING] = 0.0
    for j in range(n):
        x[j] = start[j]
        largest[j] = 0.0
    evaluate(plan)
    sound = complete(plan)
    if plan[STAGE] == _LEVENBERG_MARQUARDT:
        inverse_scales(plan)
    elif plan[STAGE] == _UNWEIGHTED:
        for i in range(n):
            weight[i] = 1.0
    return RUNNING if sound and finite(f, n) else _DOMAIN_ERROR


@jit
def _advance(plan: Integers) -> int:
    """Take one step of the current attempt."""
    if plan[STAGE] == _LINE_SEARCH or plan[STAGE] == _NEWTON:
        return int(newton(plan))
    return int(levenberg_marquardt(plan))


@jit
def _share(plan: Integers) -> int:
    """Return how many steps the current attempt may take: a fifth of all, undamped Newton two."""
    limit = int(plan[layout.ITERATION_LIMIT])
    if plan[layout.METHOD] != _AUTO or plan[STAGE] == _UNWEIGHTED:
        return limit
    fifths = 2 if plan[STAGE] == _NEWTON else 1
    return (fifths * limit + 4) // 5
