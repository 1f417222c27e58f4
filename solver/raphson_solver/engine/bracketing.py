"""One equation in one variable: find where f changes its sign, and keep Newton's steps inside.

A step that leaves the bracket, or does not halve it in time, is replaced by the bracket's middle: its geometric mean
where the ends differ much in size. A sign change at a pole or a jump is no root, and is not called one.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, aim
from raphson_solver.engine.convergence import ending
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import (
    BOUNDED,
    BRACKET_LEFT,
    BRACKET_RIGHT,
    BRACKETED,
    LAST_LENGTH,
    LAST_STEP,
    VALUE_LEFT,
)
from raphson_solver.engine.move import EPSILON
from raphson_solver.engine.point import complete, evaluate, evaluate_residual, finite, may_step
from raphson_solver.engine.status import Status
from raphson_solver.engine.stopped import spent

_SINGULAR = int(Status.SINGULAR)
_CONVERGED = int(Status.CONVERGED)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)
_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_ITERATION_LIMIT = int(Status.ITERATION_LIMIT)

_FIRST_REACH = 2.0**-10
_REACHES = 48
_GROWTH = 2.0
_FAR_APART = 4.0
_NEAR_ZERO = 1e-30


@jit
def bracketing(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    settings, x, step = doubles(plan[layout.SETTINGS]), doubles(plan[layout.X]), doubles(plan[layout.STEP])
    last = settings[LAST_STEP]
    status = _aim(plan)
    if status != RUNNING:
        return int(status)
    if not may_step(plan):
        return _ITERATION_LIMIT
    if plan[BRACKETED] == 0 and not _find_bracket(plan):
        status = ending(plan)
        return _EVALUATION_LIMIT if spent(plan) else status
    left, right = settings[BRACKET_LEFT], settings[BRACKET_RIGHT]
    here = x[0]
    wanted = here + step[0]
    inside = min(left, right) < wanted < max(left, right)
    # Newton's step must shorten: else the bracket is halved.
    if not inside or not settings[LAST_STEP] <= 0.5 * last:
        wanted = _middle(left, right)
    settings[LAST_LENGTH] = abs(wanted - here) / abs(step[0]) if step[0] != 0.0 else 1.0
    x[0] = wanted
    evaluate(plan)
    f = doubles(plan[layout.F])[0]
    complete(plan)
    if not np.isfinite(f):
        x[0] = here
        evaluate(plan)
        complete(plan)
        return _DOMAIN_ERROR
    if (f < 0.0) == (settings[VALUE_LEFT] < 0.0):
        settings[BRACKET_LEFT], settings[VALUE_LEFT] = wanted, f
    else:
        settings[BRACKET_RIGHT] = wanted
    width = abs(settings[BRACKET_RIGHT] - settings[BRACKET_LEFT])
    size = max(max(abs(left), abs(right)), _NEAR_ZERO * doubles(plan[layout.LARGEST])[0])
    if f != 0.0 and not width > EPSILON * size:
        status = _aim(plan)
        return int(ending(plan)) if status == RUNNING else int(status)
    return RUNNING


@jit
def _aim(plan: Integers) -> int:
    """Do as `aim`; where the slope is zero or infinite there is no step, and a zero of f is a root."""
    if not finite(doubles(plan[layout.VALUES]), plan[layout.ENTRIES]):
        doubles(plan[layout.STEP])[0] = 0.0
        return _CONVERGED if doubles(plan[layout.F])[0] == 0.0 else RUNNING
    status = aim(plan)
    if status == _SINGULAR:
        doubles(plan[layout.STEP])[0] = 0.0
        return RUNNING
    return status


@jit
def _find_bracket(plan: Integers) -> bool:
    """Look to both sides, further and further, for another sign of f; leave x at the bracket's nearer end."""
    settings, x, trial = doubles(plan[layout.SETTINGS]), doubles(plan[layout.X]), doubles(plan[layout.TRIAL])
    lower, upper = doubles(plan[layout.LOWER])[0], doubles(plan[layout.UPPER])[0]
    centre, at_centre = x[0], doubles(plan[layout.F])[0]
    size = max(max(abs(centre), doubles(plan[layout.NOMINAL])[0]), doubles(plan[layout.LARGEST])[0])
    reach = _FIRST_REACH * (size if size > 0.0 else 1.0)
    # Of each side: how far f was seen to be defined, its value there, and where it was seen not to be.
    near, value, edge = np.empty(2), np.empty(2), np.full(2, np.nan)
    near[:], value[:] = centre, at_centre
    for _ in range(_REACHES):
        for side in range(2):
            if spent(plan):
                break
            x[0] = centre + (reach if side == 0 else -reach)
            if not np.isnan(edge[side]):
                x[0] = 0.5 * (near[side] + edge[side])
            if plan[BOUNDED] != 0:
                x[0] = min(max(x[0], lower), upper)
            evaluate_residual(plan)
            if not np.isfinite(trial[0]):
                edge[side] = x[0]
            elif (trial[0] < 0.0) != (value[side] < 0.0):
                settings[BRACKET_LEFT], settings[VALUE_LEFT] = near[side], value[side]
                settings[BRACKET_RIGHT] = x[0]
                plan[BRACKETED] = 1
                x[0] = near[side]
                evaluate(plan)
                complete(plan)
                return True
            else:
                near[side], value[side] = x[0], trial[0]
        reach *= _GROWTH
    x[0] = centre
    return False


@jit
def _middle(left: float, right: float) -> float:
    low, high = min(abs(left), abs(right)), max(abs(left), abs(right))
    if (left > 0.0) == (right > 0.0) and low > 0.0 and high > _FAR_APART * low:
        size = float(np.sqrt(low) * np.sqrt(high))
        return size if left > 0.0 else -size
    return 0.5 * (left + right)
