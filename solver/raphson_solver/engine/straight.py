"""Plain Newton by code made for one system, `solution/straight`: the same steps as in `newton`, to the last bit, sooner.

It ends at a root or not at all. Whatever asks for more than a full step from a regular J in the order of rows that the
code has, or for more than a look at f and J at x to believe a root, is left to the engine, from the start: an answer
does not tell whether there was such code.
"""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.aim import TINY_STEP
from raphson_solver.engine.attempts import attempt
from raphson_solver.engine.convergence import SMALL_STEP
from raphson_solver.engine.intrinsics import Integers, call_kernel, doubles, load_flag, monotonic_seconds
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, EVALUATIONS, ITERATIONS, N
from raphson_solver.engine.move import ROOT_AT_ZERO, relative_to
from raphson_solver.engine.point import larger

# Never waited for long: flag and deadline are looked at before.
_MOST_STEPS = 100


@jit
def may_go_straight(plan: Integers) -> bool:
    """Return whether there is code, and nothing that it does not know of."""
    if plan[layout.STRAIGHT_ADDRESS] == 0 or plan[BOUNDED] != 0:
        return False
    if plan[layout.SLICE_LEFT] < _MOST_STEPS or plan[layout.EVALUATION_LIMIT] - plan[EVALUATIONS] <= _MOST_STEPS:
        return False
    deadline = doubles(plan[layout.SETTINGS])[layout.DEADLINE]
    return bool(load_flag(plan[layout.CANCEL_ADDRESS]) == 0 and not (deadline > 0.0 and monotonic_seconds() > deadline))


@jit
def go_straight(plan: Integers) -> bool:
    """Take Newton's steps from x; return whether they led to a root."""
    n = plan[N]
    x, p, work = doubles(plan[layout.X]), doubles(plan[layout.P]), doubles(plan[layout.WORK])
    f, magnitude = doubles(plan[layout.F]), doubles(plan[layout.MAGNITUDE])
    nominal, largest = doubles(plan[layout.NOMINAL]), doubles(plan[layout.LARGEST])
    # Behind f and the size of its terms, where else the entries of J are.
    scale, step = doubles(plan[layout.VALUES]), doubles(plan[layout.VALUES] + 8 * n)
    is_finite, is_regular = doubles(plan[layout.VALUES] + 16 * n), doubles(plan[layout.VALUES] + 16 * n + 8)
    settings = doubles(plan[layout.SETTINGS])
    tolerance, absolute_tolerance = settings[layout.TOLERANCE], settings[layout.ABSOLUTE_TOLERANCE]
    plan[layout.STAGE], _, _, stage_limit = attempt(plan)
    limit = min(_MOST_STEPS, min(stage_limit, plan[layout.ITERATION_LIMIT] - plan[ITERATIONS]))
    for j in range(n):
        largest[j] = nominal[j]
    relative = 1.0
    for taken in range(limit + 1):
        call_kernel(plan[layout.STRAIGHT_ADDRESS], 0, x, p, f, work)
        if is_finite[0] == 0.0:
            return False
        passes, by_terms, heard = True, True, True
        for i in range(n):
            size, own = abs(f[i]), tolerance * magnitude[i]
            none = size <= absolute_tolerance
            passes = passes and (size <= tolerance * scale[i] or none)
            by_terms = by_terms and (size <= own or none)
            # The effect of all variables on the equation, as in `deaf`, or less.
            heard = heard and scale[i] - magnitude[i] > 2.0 * own
        extent = 0.0
        for j in range(n):
            extent = larger(abs(x[j]), extent)
            largest[j] = larger(largest[j], abs(x[j]))
        root = passes and by_terms and relative <= TINY_STEP
        if not root:
            if is_regular[0] == 0.0:
                return False
            relative = relative_to(plan, step, extent, ROOT_AT_ZERO)
            root = passes and by_terms and relative <= SMALL_STEP and heard
            if passes and not root:
                return False
        if root:
            _arrive(plan, taken)
            return True
        for j in range(n):
            x[j] += step[j]
    return False


@jit
def _arrive(plan: Integers, taken: int) -> None:
    scale, found = doubles(plan[layout.SCALE]), doubles(plan[layout.VALUES])
    for i in range(plan[N]):
        scale[i] = found[i]
    plan[ITERATIONS] += taken
    plan[EVALUATIONS] += taken + 1
    plan[layout.JACOBIAN_EVALUATIONS] += taken + 1
    plan[layout.BEST_METHOD] = plan[layout.STAGE]
