"""Before every step: whether this point is a root, and where Newton leads from it."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.convergence import (
    CLOSELY,
    SMALL_STEP,
    deaf,
    earned,
    ending,
    fails_nearby,
    gradient,
    passes,
    passes_by_terms,
    stationary,
)
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, ESCAPING, LAST_STEP, NEWTON_STEP, M, N
from raphson_solver.engine.move import EPSILON, ROOT_AT_ZERO, bend, relative_size
from raphson_solver.engine.point import may_step, set_weights, weighted_square
from raphson_solver.engine.status import JacobianMode, Status
from raphson_solver.engine.step import (
    LEAST_DAMPING,
    at_least_squares,
    damped_step,
    newton_step,
    predicted_square,
    set_inverse_sizes,
)

RUNNING = 0
_EXACT = int(JacobianMode.EXACT)
_CONVERGED = int(Status.CONVERGED)
_SINGULAR = int(Status.SINGULAR)
_LEAST_SQUARES = int(Status.LEAST_SQUARES)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)

# Of a singular J; small beside rows scaled to 1.
_REGULARIZING = 1e-10
TINY_STEP = 1e-5
"""A step after which no other is looked at before a point that passes is believed."""
# What a short step must leave of ‖W f‖² where J is singular.
_SOLVED_SHARE = 1e-8
# Beyond this, or this times what the start is, no singular point is believed that is not exactly zero: there terms
# cancel to less than the constants beside them, on no way to any root.
_FAR_OUT = 1e13
_FAR_AWAY = 1e3


@jit
def newton_direction(plan: Integers) -> int:
    """Do as `aim`, and count a step; return also when there are no more."""
    status = aim(plan)
    return _ITERATION_LIMIT if status == RUNNING and not may_step(plan) else status


@jit
def aim(plan: Integers) -> int:
    """Test the current point; if it does not pass, leave in STEP where Newton leads, within bounds.

    Return `RUNNING` or a `Status`. Where J is singular or not square the step is the least-squares one, the shortest
    of several.
    """
    settings = doubles(plan[layout.SETTINGS])
    solved = passes(plan)
    by_terms = solved and passes_by_terms(plan)
    # The step before was so short that Newton's next is not worth looking at: where J is all but singular f may pass
    # after a short step with the next one long. By differences it may have been short since J was wrong.
    short = settings[NEWTON_STEP] <= TINY_STEP and plan[ESCAPING] == 0
    if by_terms and short and (plan[layout.MODE] == _EXACT or not deaf(plan)):
        return _CONVERGED
    square = plan[M] == plan[N]
    regular = square and newton_step(plan)
    if plan[layout.INTERRUPTED] != 0:
        # What is left of this would be for nobody, and takes long where there are many equations.
        return int(plan[layout.INTERRUPTED])
    if not regular:
        set_weights(plan)
        set_inverse_sizes(plan)
        gradient(plan)
        if square and solved and plan[ESCAPING] == 0 and _is_singular_root(plan):
            return _CONVERGED
        if plan[M] > plan[N] and not solved and at_least_squares(plan):
            return _LEAST_SQUARES
        if (square and stationary(plan, CLOSELY)) or not damped_step(plan, _REGULARIZING if square else LEAST_DAMPING):
            return _SINGULAR if square else ending(plan)
        plan[layout.REGULARIZED] += 1 if square else 0
    relative = relative_size(plan, ROOT_AT_ZERO)
    if solved and (regular or not square):
        if earned(plan, relative, by_terms):
            return _CONVERGED
        if by_terms or relative > SMALL_STEP:
            plan[ESCAPING] = 1
    bend(plan)
    if plan[BOUNDED] != 0 and relative_size(plan, 0.0) == 0.0:
        set_weights(plan)
        return ending(plan)
    settings[LAST_STEP] = relative
    # A step where J is singular says nothing of how far a root is.
    settings[NEWTON_STEP] = relative if regular or not square else np.inf
    return RUNNING


@jit
def _is_singular_root(plan: Integers) -> bool:
    """Return whether a point that passes, with J singular, is a root.

    There f is zero, or no more than rounding, or a short step makes it so: far out x + y = 1 and x + y = 2 both pass
    beside their terms, and no step solves both. Still further out they differ by no more than rounding.
    """
    f, scale = doubles(plan[layout.F]), doubles(plan[layout.SCALE])
    absolute_tolerance = doubles(plan[layout.SETTINGS])[layout.ABSOLUTE_TOLERANCE]
    x, nominal, start = doubles(plan[layout.X]), doubles(plan[layout.NOMINAL]), doubles(plan[layout.START])
    zero, rounding, near, usual = True, True, True, 1.0
    for j in range(plan[N]):
        usual = max(usual, max(nominal[j], abs(start[j])))
    for j in range(plan[N]):
        near = near and abs(x[j]) <= min(_FAR_AWAY * usual, _FAR_OUT * max(nominal[j], 1.0))
    for i in range(plan[M]):
        zero = zero and abs(f[i]) <= absolute_tolerance
        rounding = rounding and abs(f[i]) <= EPSILON * scale[i]
    if zero:
        return fails_nearby(plan)
    if not near:
        return False
    if not rounding:
        step = doubles(plan[layout.STEP])
        if not damped_step(plan, _REGULARIZING) or relative_size(plan, ROOT_AT_ZERO) > SMALL_STEP:
            return False
        if predicted_square(plan, step, 1.0) > _SOLVED_SHARE * weighted_square(plan, f):
            return False
    return not deaf(plan)
