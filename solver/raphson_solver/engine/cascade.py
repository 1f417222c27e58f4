"""One system: attempts one after another until one converges; the best point of all is kept."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING
from raphson_solver.engine.attempts import attempt, attempts, may_try_again, set_start
from raphson_solver.engine.bracketing import bracketing
from raphson_solver.engine.broyden import broyden
from raphson_solver.engine.convergence import LOOSELY, SMALL_STEP, stationary
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import ATTEMPT, BEST_METHOD, BEST_STATUS, ITERATIONS, STAGE, M, N
from raphson_solver.engine.levenberg_marquardt import levenberg_marquardt
from raphson_solver.engine.line_search import line_search
from raphson_solver.engine.move import go_back, relative_size, set_out
from raphson_solver.engine.newton import newton
from raphson_solver.engine.point import complete, evaluate, evaluate_residual, finite, set_weights
from raphson_solver.engine.pseudo_transient import pseudo_transient
from raphson_solver.engine.status import Method, Status
from raphson_solver.engine.step import newton_step
from raphson_solver.engine.stopped import stopped
from raphson_solver.engine.straight import go_straight, may_go_straight
from raphson_solver.engine.trust_region import trust_region

_CONVERGED = int(Status.CONVERGED)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_TIME_LIMIT = int(Status.TIME_LIMIT)
_CANCELLED = int(Status.CANCELLED)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)
_LEAST_SQUARES = int(Status.LEAST_SQUARES)
_NEWTON = int(Method.NEWTON)
_LINE_SEARCH = int(Method.LINE_SEARCH)
_LEVENBERG_MARQUARDT = int(Method.LEVENBERG_MARQUARDT)
_CUBIC_LINE_SEARCH = int(Method.CUBIC_LINE_SEARCH)
_TRUST_REGION = int(Method.TRUST_REGION)
_PSEUDO_TRANSIENT = int(Method.PSEUDO_TRANSIENT)
_BRACKETING = int(Method.BRACKETING)
_SINGULAR = int(Status.SINGULAR)
_STALLED = int(Status.STALLED)
_LOCAL_MINIMUM = int(Status.LOCAL_MINIMUM)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)
# ‖f‖², beside what it was before.
_MUCH_NEARER = 0.01


@jit
def run(plan: Integers) -> int:
    """Take up to `plan[SLICE_LEFT]` steps; return a `Status`, or `RUNNING` to be called again."""
    settings = doubles(plan[layout.SETTINGS])
    x, best = doubles(plan[layout.X]), doubles(plan[layout.BEST])
    n = plan[N]
    status = RUNNING
    if plan[STAGE] == 0:
        reset(plan)
        start = doubles(plan[layout.START])
        for j in range(n):
            start[j] = x[j]
        status = _go_straight(plan) if may_go_straight(plan) else _begin(plan)
        if status == _CONVERGED:
            return int(conclude(plan, status))
    while True:
        while status == RUNNING:
            if stopped(plan):
                status = plan[layout.INTERRUPTED]
            elif plan[layout.EVALUATIONS] >= plan[layout.EVALUATION_LIMIT]:
                status = _EVALUATION_LIMIT
            elif plan[layout.SLICE_LEFT] <= 0:
                return RUNNING
            else:
                plan[layout.SLICE_LEFT] -= 1
                status = _advance(plan)
                if plan[layout.INTERRUPTED] != 0:
                    status = plan[layout.INTERRUPTED]
        if status == _CONVERGED:
            plan[BEST_METHOD] = plan[STAGE]
            break
        # Keep the point if it is the best so far; go on with the next attempt, if any.
        norm = _height(plan, doubles(plan[layout.F]))
        if norm < settings[layout.BEST_NORM] or plan[BEST_METHOD] == 0 or np.isnan(settings[layout.BEST_NORM]):
            settings[layout.BEST_NORM] = norm
            plan[BEST_METHOD], plan[BEST_STATUS] = plan[STAGE], status
            for j in range(n):
                best[j] = x[j]
        ended = status == _CANCELLED or status == _TIME_LIMIT or status == _EVALUATION_LIMIT
        if ended or status == _LEAST_SQUARES:
            break
        if status == _ITERATION_LIMIT and _may_go_on(plan, norm):
            status = RUNNING
            continue
        if plan[ATTEMPT] + 1 >= attempts(plan) or plan[ITERATIONS] >= plan[layout.ITERATION_LIMIT]:
            status = plan[BEST_STATUS]
            break
        plan[ATTEMPT] += 1
        status = _begin(plan)
    if status != _CONVERGED and not (status == _CANCELLED and _is_known(plan)):
        for j in range(n):
            x[j] = best[j]
        evaluate(plan)
        complete(plan)
        status = _judge(plan, status)
    return int(conclude(plan, status))


@jit
def _is_known(plan: Integers) -> bool:
    """Return whether f and the scale are those of the best point: a solve that is cancelled need not wait for them."""
    x, best = doubles(plan[layout.X]), doubles(plan[layout.BEST])
    for j in range(plan[N]):
        if x[j] != best[j]:
            return False
    return bool(plan[layout.APPROXIMATE] == 0)


@jit
def reset(plan: Integers) -> None:
    """Begin to count, from what the blocks took."""
    for counter in range(ATTEMPT, layout.PLAN_SIZE):
        plan[counter] = 0
    rows, places, order = integers(plan[layout.ROWS]), integers(plan[layout.PLACES]), integers(plan[layout.ORDER])
    for place in range(plan[N]):
        rows[place] = order[place]
        places[order[place]] = place
    plan[ITERATIONS] = plan[layout.BLOCK_ITERATIONS]
    plan[layout.EVALUATIONS] = plan[layout.BLOCK_EVALUATIONS]
    plan[layout.JACOBIAN_EVALUATIONS] = plan[layout.BLOCK_JACOBIANS]


@jit
def conclude(plan: Integers, status: int) -> int:
    """Write the answer, with the scaled residual in the place of the scale; return the status."""
    plan[STAGE] = 0
    f, scale, answer = doubles(plan[layout.F]), doubles(plan[layout.SCALE]), doubles(plan[layout.ANSWER])
    norm = 0.0
    for i in range(plan[M]):
        size = abs(f[i])
        if not size <= norm:
            norm = size
        scale[i] = size / scale[i] if scale[i] > 0.0 else size
    answer[layout.ANSWER_ITERATIONS] = plan[ITERATIONS]
    answer[layout.ANSWER_EVALUATIONS] = plan[layout.EVALUATIONS]
    answer[layout.ANSWER_JACOBIANS] = plan[layout.JACOBIAN_EVALUATIONS]
    answer[layout.ANSWER_METHOD] = plan[BEST_METHOD]
    answer[layout.ANSWER_REGULARIZED] = plan[layout.REGULARIZED]
    answer[layout.ANSWER_NORM] = norm
    return status


@jit
def _height(plan: Integers, f: Doubles) -> float:
    """Return what makes one point better than another: ‖f‖, every equation by its scale at the start."""
    reference = doubles(plan[layout.REFERENCE])
    total = 0.0
    for i in range(plan[M]):
        total += (f[i] * reference[i]) ** 2
    return total


@jit
def _may_go_on(plan: Integers, height: float) -> bool:
    """Give the first attempt of several a tenth of its share more if it is nearer than its start.

    And again each time that ‖f‖ has come down to a tenth since.

    What plain Newton solves in a few steps more than its share shall not begin anew.
    """
    settings = doubles(plan[layout.SETTINGS])
    if plan[ATTEMPT] != 0 or attempts(plan) == 1:
        return False
    if settings[layout.HEIGHT] == 0.0:
        settings[layout.HEIGHT] = _height_of_start(plan)
    if not height <= settings[layout.HEIGHT]:
        return False
    settings[layout.HEIGHT] = _MUCH_NEARER * height
    plan[layout.STAGE_LIMIT] += max(1, plan[layout.STAGE_LIMIT] // 10)
    return bool(plan[ITERATIONS] < plan[layout.ITERATION_LIMIT])


@jit
def _height_of_start(plan: Integers) -> float:
    set_out(plan)
    x, start = doubles(plan[layout.X]), doubles(plan[layout.START])
    for j in range(plan[N]):
        x[j] = start[j]
    evaluate_residual(plan)
    go_back(plan)
    return _height(plan, doubles(plan[layout.TRIAL]))


@jit
def _set_reference(plan: Integers) -> None:
    set_weights(plan)
    weight, reference = doubles(plan[layout.WEIGHT]), doubles(plan[layout.REFERENCE])
    for i in range(plan[M]):
        reference[i] = weight[i] if np.isfinite(weight[i]) else 1.0


@jit
def _judge(plan: Integers, status: int) -> int:
    """Return the status that says most of the best point of several attempts."""
    if plan[ATTEMPT] == 0 or not (status == _ITERATION_LIMIT or status == _STALLED):
        return status
    if plan[M] == plan[N] and not newton_step(plan):
        return _SINGULAR
    if plan[M] == plan[N] and status == _ITERATION_LIMIT and relative_size(plan, 0.0) <= SMALL_STEP:
        # On its way to a root: there f itself is so small that its slope seems none.
        return _ITERATION_LIMIT
    set_weights(plan)
    if stationary(plan, LOOSELY):
        return _LEAST_SQUARES if plan[M] > plan[N] else _LOCAL_MINIMUM
    return _ITERATION_LIMIT if plan[ITERATIONS] >= plan[layout.ITERATION_LIMIT] else _STALLED


@jit
def _go_straight(plan: Integers) -> int:
    """Begin by code for whole steps; return converged, or `RUNNING` where the engine is to go on from."""
    _set_up(plan)
    status = go_straight(plan)
    if status == RUNNING:
        _set_reference(plan)
        evaluate(plan)
        complete(plan)
    elif status == _DOMAIN_ERROR:
        status = _begin(plan)
    return int(status)


@jit
def _set_up(plan: Integers) -> tuple[int, int]:
    """Set the current attempt up; return whether its sum of squares is unweighted, and the number of its start."""
    settings = doubles(plan[layout.SETTINGS])
    plan[STAGE], unweighted, number, plan[layout.STAGE_LIMIT] = attempt(plan)
    plan[layout.STAGE_ITERATIONS] = 0
    plan[layout.ESCAPING] = 0
    plan[layout.APPROXIMATE] = plan[layout.BRACKETED] = 0
    plan[layout.SLOW_STEPS] = 0
    settings[layout.LAST_STEP] = settings[layout.NEWTON_STEP] = np.inf
    settings[layout.LAST_LENGTH] = 0.0
    settings[layout.DAMPING] = 0.0
    settings[layout.HEIGHT] = 0.0
    last = doubles(plan[layout.LAST_DIRECTION])
    for j in range(plan[N]):
        last[j] = 0.0
    return unweighted, number


@jit
def _begin(plan: Integers) -> int:
    """Set the current attempt up, and evaluate where it begins."""
    n = plan[N]
    weight, nominal, largest = (
        doubles(plan[layout.WEIGHT]),
        doubles(plan[layout.NOMINAL]),
        doubles(plan[layout.LARGEST]),
    )
    unweighted, number = _set_up(plan)
    again = 0
    while True:
        set_start(plan, number, again)
        for j in range(n):
            largest[j] = nominal[j]
        evaluate(plan)
        sound = complete(plan) and finite(doubles(plan[layout.F]), plan[M])
        if sound or not may_try_again(plan, again):
            break
        again += 1
    if plan[ATTEMPT] == 0:
        _set_reference(plan)
    if plan[STAGE] == _LEVENBERG_MARQUARDT:
        set_weights(plan)
        if unweighted != 0 and plan[M] == plan[N]:
            for i in range(n):
                weight[i] = 1.0
    return RUNNING if sound else _DOMAIN_ERROR


@jit
def _advance(plan: Integers) -> int:
    """Take one step of the current attempt."""
    stage = plan[STAGE]
    if stage == _NEWTON:
        return int(newton(plan))
    if stage == _LINE_SEARCH or stage == _CUBIC_LINE_SEARCH:
        return int(line_search(plan, stage == _CUBIC_LINE_SEARCH))
    if stage == _LEVENBERG_MARQUARDT:
        return int(levenberg_marquardt(plan))
    if stage == _TRUST_REGION:
        return int(trust_region(plan))
    if stage == _BRACKETING:
        return int(bracketing(plan))
    if stage == _PSEUDO_TRANSIENT:
        return int(pseudo_transient(plan))
    return int(broyden(plan))
