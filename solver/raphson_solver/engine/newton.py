"""The Newton–Raphson iteration: compiled once, for every system, calling kernels by address.

At x, with f = f(x) and J = f′(x), the step solves J·d = −f. Equation i is solved when

    |f_i| ≤ tolerance · (M_i + Σ_j |J_ij x_j|)     or     |f_i| ≤ absolute_tolerance,

where M_i is the size of the terms that cancel in it. A residual that passes far from where the Newton step leads
(as that of x − √(x² + 1) does for x → ∞) is an escape, not a root: the step there must be small too.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import (
    Doubles,
    Integers,
    call_kernel,
    doubles,
    integers,
    load_flag,
    monotonic_seconds,
)
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import (
    ABSOLUTE_TOLERANCE,
    BEST_METHOD,
    BEST_NORM,
    DEADLINE,
    ENTRIES,
    ESCAPING,
    EVALUATIONS,
    ITERATION_LIMIT,
    ITERATIONS,
    LAST_STEP,
    METHOD,
    PARAMETERS,
    STAGE,
    STAGE_ITERATIONS,
    TOLERANCE,
    N,
)
from raphson_solver.engine.point import by_differences, complete, evaluate, finite, flat, passes, scaled_norm
from raphson_solver.engine.status import Method, Status
from raphson_solver.engine.step import newton_step, regularised_step, relative_size

RUNNING = 0
NOT_FINITE = -1
"""A start or a parameter is NaN or infinite; nothing was done."""

_CONVERGED = int(Status.CONVERGED)
_STALLED = int(Status.STALLED)
_LOCAL_MINIMUM = int(Status.LOCAL_MINIMUM)
_SINGULAR = int(Status.SINGULAR)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)
_TIME_LIMIT = int(Status.TIME_LIMIT)
_CANCELLED = int(Status.CANCELLED)
_AUTO = int(Method.AUTO)
_NEWTON = int(Method.NEWTON)
_LINE_SEARCH = int(Method.LINE_SEARCH)

_SMALL_STEP = 1e-3
_EPSILON = 2.0**-52
_SUFFICIENT_DECREASE = 1e-4
_A_LITTLE = 0.05


@jit
def iterate(plan_address: int, numbers_address: int, pattern_address: int) -> int:
    """Take up to `plan[SLICE_LIMIT]` steps; return a `Status`, `NOT_FINITE`, or `RUNNING` to be called again.

    On return `numbers` holds the point and what is known there, as `layout` says.
    """
    plan = integers(plan_address)
    pattern = integers(pattern_address)
    numbers = doubles(numbers_address)
    n, entries = plan[N], plan[ENTRIES]
    place = numbers_address + 8 * layout.HEADER
    p = doubles(place)
    place += 8 * plan[PARAMETERS]
    answer = doubles(place)
    place += 8 * layout.ANSWER_HEADER
    scale, x, f, magnitude = (
        doubles(place),
        doubles(place + 8 * n),
        doubles(place + 16 * n),
        doubles(place + 24 * n),
    )
    place += 32 * n
    values = doubles(place)
    place += 8 * entries
    start, best, largest = doubles(place), doubles(place + 8 * n), doubles(place + 16 * n)
    place += 24 * n
    step, origin, weight = doubles(place), doubles(place + 8 * n), doubles(place + 16 * n)
    place += 24 * n
    trial, pivots = doubles(place), integers(place + 8 * n)
    place += 16 * n
    matrix = doubles(place)
    work = doubles(place + 8 * n * n)

    taken = 0
    status = RUNNING
    if plan[STAGE] == 0:
        if not (finite(x, n) and finite(p, plan[PARAMETERS])):
            return NOT_FINITE
        for counter in range(layout.STAGE, layout.PLAN_SIZE):
            plan[counter] = 0
        for j in range(n):
            start[j] = x[j]
        plan[STAGE] = _NEWTON if plan[METHOD] == _NEWTON else _LINE_SEARCH
        status = _begin(plan, pattern, numbers, p, x, f, magnitude, values, scale, largest, trial, weight, work)
    while True:
        while status == RUNNING:
            if load_flag(plan[layout.CANCEL_ADDRESS]) != 0:
                status = _CANCELLED
            elif numbers[DEADLINE] > 0.0 and monotonic_seconds() > numbers[DEADLINE]:
                status = _TIME_LIMIT
            elif taken >= plan[layout.SLICE_LIMIT]:
                return RUNNING
            else:
                taken += 1
                status = _advance(
                    plan, pattern, numbers, p, x, f, magnitude, values, scale, largest, step, origin, weight, trial,
                    pivots, matrix, work,
                )  # fmt: skip
        # An attempt has ended. Keep its point if it is the best so far; go on with the next attempt, if any.
        norm = scaled_norm(f, scale, n)
        if status == _CONVERGED or norm < numbers[BEST_NORM] or plan[BEST_METHOD] == 0:
            numbers[BEST_NORM] = norm
            plan[BEST_METHOD] = plan[STAGE]
            for j in range(n):
                best[j] = x[j]
        if plan[layout.FIRST_STATUS] != 0 and status != _CONVERGED and status != _CANCELLED and status != _TIME_LIMIT:
            status = plan[layout.FIRST_STATUS]
            break
        trapped = status == _STALLED or status == _LOCAL_MINIMUM or status == _SINGULAR
        trapped = trapped or status == _DOMAIN_ERROR or status == _ITERATION_LIMIT
        if not (trapped and plan[METHOD] == _AUTO and plan[ITERATIONS] < plan[ITERATION_LIMIT]):
            break
        plan[layout.FIRST_STATUS] = status
        plan[STAGE] = _NEWTON
        for j in range(n):
            x[j] = start[j]
        status = _begin(plan, pattern, numbers, p, x, f, magnitude, values, scale, largest, trial, weight, work)
    if status != _CONVERGED:
        for j in range(n):
            x[j] = best[j]
        evaluate(plan, p, x, f, work)
        complete(plan, pattern, p, x, f, magnitude, values, scale, largest, trial, weight, work)
    plan[STAGE] = 0
    answer[layout.ANSWER_ITERATIONS] = plan[ITERATIONS]
    answer[layout.ANSWER_EVALUATIONS] = plan[EVALUATIONS]
    answer[layout.ANSWER_JACOBIANS] = plan[layout.JACOBIAN_EVALUATIONS]
    answer[layout.ANSWER_METHOD] = plan[BEST_METHOD]
    return status


@jit
def _begin(
    plan: Integers, pattern: Integers, numbers: Doubles, p: Doubles, x: Doubles, f: Doubles, magnitude: Doubles,
    values: Doubles, scale: Doubles, largest: Doubles, trial: Doubles, spare: Doubles, work: Doubles,
) -> int:  # fmt: skip
    """Evaluate at the start of an attempt."""
    n = plan[N]
    plan[STAGE_ITERATIONS] = 0
    plan[ESCAPING] = 0
    numbers[LAST_STEP] = np.inf
    for j in range(n):
        largest[j] = abs(x[j])
    evaluate(plan, p, x, f, work)
    complete(plan, pattern, p, x, f, magnitude, values, scale, largest, trial, spare, work)
    if finite(f, n) and finite(values, plan[ENTRIES]):
        return RUNNING
    return _DOMAIN_ERROR


@jit
def _advance(
    plan: Integers, pattern: Integers, numbers: Doubles, p: Doubles, x: Doubles, f: Doubles, magnitude: Doubles,
    values: Doubles, scale: Doubles, largest: Doubles, step: Doubles, origin: Doubles, weight: Doubles,
    trial: Doubles, pivots: Integers, matrix: Doubles, work: Doubles,
) -> int:  # fmt: skip
    """Test the current point; if it does not pass, take one step."""
    n = plan[N]
    solved = passes(f, scale, n, numbers[TOLERANCE], numbers[ABSOLUTE_TOLERANCE])
    if solved and numbers[LAST_STEP] <= _SMALL_STEP:
        return _CONVERGED
    singular = not newton_step(plan, pattern, f, values, step, pivots, matrix)
    if singular and solved and plan[ESCAPING] == 0:
        return _CONVERGED
    if singular and (
        flat(plan, pattern, f, values, scale, x, largest)
        or not regularised_step(plan, pattern, f, values, scale, step, pivots, matrix)
    ):
        return _SINGULAR
    relative = relative_size(step, x, largest, n)
    if solved and not singular:
        if relative <= _SMALL_STEP:
            return _CONVERGED
        plan[ESCAPING] = 1
    if plan[ITERATIONS] >= plan[ITERATION_LIMIT]:
        return _ITERATION_LIMIT
    # Half of what is allowed is kept for the second attempt.
    first_of_two = plan[METHOD] == _AUTO and plan[STAGE] == _LINE_SEARCH
    if first_of_two and 2 * plan[STAGE_ITERATIONS] >= plan[ITERATION_LIMIT]:
        return _ITERATION_LIMIT
    plan[ITERATIONS] += 1
    plan[STAGE_ITERATIONS] += 1

    merit = 0.0
    for i in range(n):
        origin[i] = x[i]
        weight[i] = 1.0 / scale[i] if scale[i] > 0.0 else 1.0
        merit += (f[i] * weight[i]) ** 2
    length = 1.0
    while True:
        for j in range(n):
            x[j] = origin[j] + length * step[j]
        # The full step is evaluated with its Jacobian, which is wanted far more often than not.
        new_merit = 0.0
        if length == 1.0:
            evaluate(plan, p, x, f, work)
            for i in range(n):
                new_merit += (f[i] * weight[i]) ** 2
            sound = np.isfinite(new_merit) and (by_differences(plan) or finite(values, plan[ENTRIES]))
        else:
            call_kernel(plan[layout.RESIDUAL_ADDRESS], plan[layout.RESIDUAL_PROGRAM], x, p, trial, work)
            plan[EVALUATIONS] += 1
            for i in range(n):
                new_merit += (trial[i] * weight[i]) ** 2
            sound = np.isfinite(new_merit)
        enough = new_merit <= (1.0 - 2.0 * _SUFFICIENT_DECREASE * length) * merit
        if sound and (enough or plan[STAGE] == _NEWTON):
            break
        # Where f is not finite nothing says how far to go back: a little at first, then by powers of ten.
        shorter = 0.5 if length > _A_LITTLE else 0.1
        if sound:
            # Minimiser of the parabola through φ(0), φ′(0) = −2φ(0) and φ(length).
            shorter = min(0.5, max(0.1, length * merit / (new_merit + (2.0 * length - 1.0) * merit)))
        length *= shorter
        if length * relative < _EPSILON:
            for j in range(n):
                x[j] = origin[j]
            evaluate(plan, p, x, f, work)
            complete(plan, pattern, p, x, f, magnitude, values, scale, largest, trial, weight, work)
            if not sound:
                return _DOMAIN_ERROR
            if solved and plan[ESCAPING] == 0:
                return _CONVERGED
            return _LOCAL_MINIMUM if flat(plan, pattern, f, values, scale, x, largest) else _STALLED
    if length < 1.0:
        evaluate(plan, p, x, f, work)
    numbers[LAST_STEP] = length * relative
    for j in range(n):
        largest[j] = max(largest[j], abs(x[j]))
    complete(plan, pattern, p, x, f, magnitude, values, scale, largest, trial, weight, work)
    return RUNNING if finite(values, plan[ENTRIES]) else _DOMAIN_ERROR
