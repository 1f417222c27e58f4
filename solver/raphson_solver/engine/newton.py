"""Newton–Raphson: at x, with f = f(x) and J = f′(x), the step solves J·d = −f.

Undamped, the whole step is taken wherever it leads; only a point where f is not finite shortens it. That leaves
minima of ‖f‖ which trap every method that insists on going down.
"""

from __future__ import annotations

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, newton_direction
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import LAST_LENGTH, LAST_STEP, M
from raphson_solver.engine.move import EPSILON, go, retreat, set_out
from raphson_solver.engine.point import complete, evaluate, evaluate_residual, finite
from raphson_solver.engine.status import Status
from raphson_solver.engine.stopped import spent

_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)

_A_LITTLE = 0.05
_SHORTEST = 1e-9


@jit
def newton(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    settings = doubles(plan[layout.SETTINGS])
    status = newton_direction(plan)
    if status != RUNNING:
        return int(status)
    set_out(plan)
    length = 1.0
    while True:
        go(plan, length)
        # The full step is evaluated with its Jacobian, which is wanted far more often than not.
        if length == 1.0:
            evaluate(plan)
            if finite(doubles(plan[layout.F]), plan[M]) and complete(plan):
                settings[LAST_LENGTH] = 1.0
                return RUNNING
        else:
            evaluate_residual(plan)
            if finite(doubles(plan[layout.TRIAL]), plan[M]):
                return arrive(plan, length)
        length = shorter(length)
        over = spent(plan)
        if over or (length < _SHORTEST and length * settings[LAST_STEP] < EPSILON):
            return out_of_domain(plan, over)


@jit
def shorter(length: float) -> float:
    """Return the next length to try where f is not finite: nothing says how far to go back."""
    return length * (0.5 if length > _A_LITTLE else 0.1)


@jit
def out_of_domain(plan: Integers, over: bool) -> int:
    """Go back to ORIGIN, since f is not finite along STEP however short, or no evaluations are left."""
    retreat(plan)
    return _EVALUATION_LIMIT if over else _DOMAIN_ERROR


@jit
def arrive(plan: Integers, length: float) -> int:
    """Complete what is known at the new point."""
    if length < 1.0:
        evaluate(plan)
    doubles(plan[layout.SETTINGS])[LAST_LENGTH] = length
    return RUNNING if complete(plan) else _DOMAIN_ERROR
