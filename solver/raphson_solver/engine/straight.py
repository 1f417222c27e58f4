"""Plain Newton by code made for one system, `solution/straight`: the same steps as in `newton`, to the last bit.

It goes as far as full steps lead from a regular J, with pivots in the order of rows that the code has, and until a root
is to be believed by more than a look at f and J there. From that point on the engine goes on as if it had come there by
itself: an answer does not tell whether there was such code.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, TINY_STEP
from raphson_solver.engine.convergence import SMALL_STEP, passes, passes_by_terms
from raphson_solver.engine.intrinsics import Integers, call_kernel, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, EVALUATIONS, ITERATIONS, N
from raphson_solver.engine.move import ROOT_AT_ZERO, relative_to
from raphson_solver.engine.point import complete, evaluate, finite, larger
from raphson_solver.engine.status import Status
from raphson_solver.engine.stopped import stopped

_CONVERGED = int(Status.CONVERGED)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)

# Never waited for long: flag and deadline are looked at before.
_MOST_STEPS = 100


@jit
def may_go_straight(plan: Integers) -> bool:
    """Return whether there is code, and nothing that it does not know of."""
    if plan[layout.STRAIGHT_ADDRESS] == 0 or plan[BOUNDED] != 0:
        return False
    if plan[layout.SLICE_LEFT] < _MOST_STEPS or plan[layout.EVALUATION_LIMIT] - plan[EVALUATIONS] <= _MOST_STEPS:
        return False
    return not stopped(plan)


@jit
def go_straight(plan: Integers) -> int:
    """Take steps from x, where an attempt has been set up; return converged, or `RUNNING` where the engine is to go on.

    Where f or J is not finite at the start: domain error, and nothing is known. SCALE is that of the start.
    """
    n = plan[N]
    x, p, work = doubles(plan[layout.X]), doubles(plan[layout.P]), doubles(plan[layout.WORK])
    f, magnitude, origin = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE]), doubles(plan[layout.ORIGIN])
    nominal, largest = doubles(plan[layout.NOMINAL]), doubles(plan[layout.LARGEST])
    # Behind f and the size of its terms, where else the entries of J are.
    scale, step = doubles(plan[layout.VALUES]), doubles(plan[layout.VALUES] + 8 * n)
    is_finite, is_regular = doubles(plan[layout.VALUES] + 16 * n), doubles(plan[layout.VALUES] + 16 * n + 8)
    first_scale, settings = doubles(plan[layout.SCALE]), doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    limit = min(_MOST_STEPS, min(plan[layout.STAGE_LIMIT], plan[layout.ITERATION_LIMIT] - plan[ITERATIONS]))
    for j in range(n):
        largest[j] = nominal[j]
    # How long the last steps were.
    last, before = np.inf, np.inf
    taken = 0
    while True:
        # After a tiny step f and J alone nearly always do.
        if last <= TINY_STEP and _is_root(plan):
            _arrive(plan, taken)
            return _CONVERGED
        call_kernel(plan[layout.STRAIGHT_ADDRESS], 0, x, p, f, work)
        if is_finite[0] == 0.0:
            if taken == 0:
                return _DOMAIN_ERROR
            for j in range(n):
                x[j] = origin[j]
            _hand_over(plan, taken - 1, before)
            return RUNNING
        passing, by_terms, heard, extent = True, True, True, 0.0
        for i in range(n):
            size, own = abs(f[i]), tolerance * magnitude[i]
            none = size <= absolute_tolerance
            passing = passing and (size <= tolerance * scale[i] or none)
            by_terms = by_terms and (size <= own or none)
            # The effect of all variables on the equation, as in `deaf`, or less.
            heard = heard and scale[i] - magnitude[i] > 2.0 * own
            extent = larger(abs(x[i]), extent)
            largest[i] = larger(largest[i], abs(x[i]))
        relative = relative_to(plan, step, extent, ROOT_AT_ZERO) if is_regular[0] != 0.0 else np.inf
        root = by_terms and relative <= SMALL_STEP and heard
        if root or taken == 0:
            for i in range(n):
                first_scale[i] = scale[i]
        if root:
            _arrive(plan, taken)
            return _CONVERGED
        if passing or is_regular[0] == 0.0 or taken >= limit:
            _hand_over(plan, taken, last)
            return RUNNING
        for j in range(n):
            origin[j] = x[j]
            x[j] += step[j]
        last, before = relative, last
        taken += 1


@jit
def _is_root(plan: Integers) -> bool:
    """Return whether x is to be believed after a tiny step; SCALE is then that at x, else as before."""
    n = plan[N]
    scale, kept = doubles(plan[layout.SCALE]), doubles(plan[layout.TRIAL])
    for i in range(n):
        kept[i] = scale[i]
    evaluate(plan)
    sound = complete(plan) and finite(doubles(plan[layout.F]), n)
    plan[EVALUATIONS] -= 1
    plan[layout.JACOBIAN_EVALUATIONS] -= 1
    if sound and passes(plan) and passes_by_terms(plan):
        return True
    for i in range(n):
        scale[i] = kept[i]
    return False


@jit
def _arrive(plan: Integers, taken: int) -> None:
    """Say that x, after so many steps, is a root."""
    plan[ITERATIONS] += taken
    plan[EVALUATIONS] += taken + 1
    plan[layout.JACOBIAN_EVALUATIONS] += taken + 1
    plan[layout.BEST_METHOD] = plan[layout.STAGE]


@jit
def _hand_over(plan: Integers, taken: int, last: float) -> None:
    """Say where the attempt is: after so many steps, of which the last was so long."""
    settings = doubles(plan[layout.SETTINGS])
    plan[ITERATIONS] += taken
    plan[layout.STAGE_ITERATIONS] += taken
    plan[EVALUATIONS] += taken
    plan[layout.JACOBIAN_EVALUATIONS] += taken
    settings[layout.LAST_STEP] = settings[layout.NEWTON_STEP] = last
    settings[layout.LAST_LENGTH] = 1.0 if taken > 0 else 0.0
