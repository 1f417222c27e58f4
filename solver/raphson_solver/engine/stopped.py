"""Whether a solve is to end before its time: looked at between steps, and within what may take long."""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles, load_flag, monotonic_seconds
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import INTERRUPTED
from raphson_solver.engine.status import Status

_TIME_LIMIT = int(Status.TIME_LIMIT)
_CANCELLED = int(Status.CANCELLED)


@jit
def stopped(plan: Integers) -> bool:
    """Return whether the solve is cancelled or its deadline passed, and leave the `Status` at INTERRUPTED.

    Whoever finds it so gives up, with whatever it has; the loop over the steps then ends the solve.
    """
    if plan[INTERRUPTED] == 0:
        deadline = doubles(plan[layout.SETTINGS])[layout.DEADLINE]
        if load_flag(plan[layout.CANCEL_ADDRESS]) != 0:
            plan[INTERRUPTED] = _CANCELLED
        elif deadline > 0.0 and monotonic_seconds() > deadline:
            plan[INTERRUPTED] = _TIME_LIMIT
    return bool(plan[INTERRUPTED] != 0)


@jit
def spent(plan: Integers) -> bool:
    """Return whether f may not be evaluated again: as often as allowed it was, or the solve is to end."""
    return bool(plan[layout.EVALUATIONS] >= plan[layout.EVALUATION_LIMIT] or stopped(plan))
