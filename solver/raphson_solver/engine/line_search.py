"""Newton's direction with a line search: back along it until ½‖W f‖² falls enough, W the inverse scales at x.

The length is the minimiser of the polynomial through what is known: a parabola, or from the second shortening on a
cubic (Dennis & Schnabel 1983, algorithm A6.3.1). Where full steps bring the residual down slowly, one after another, as
they do on steep exponentials and towards singular roots, longer ones are tried.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, newton_direction
from raphson_solver.engine.convergence import ending, gradient
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, LAST_STEP, N
from raphson_solver.engine.move import EPSILON, bend, go, retreat, set_out
from raphson_solver.engine.newton import arrive, out_of_domain, shorter
from raphson_solver.engine.point import (
    evaluate,
    evaluate_residual,
    set_weights,
    sound_jacobian,
    weighted_square,
)
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import damped_step, descent, set_inverse_sizes
from raphson_solver.engine.stopped import spent

_CONVERGED = int(Status.CONVERGED)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)

_SUFFICIENT_DECREASE = 1e-4
_BLOCKED_DAMPING = 1e-4
# Full steps that leave more than a tenth of the residual are slow; after three of them, longer ones are tried.
_FAST = 0.01
_PATIENCE = 3
_COLLINEAR = 0.98
_LONGEST = 2.0**20
# J is as good as singular where so little of Newton's step is too much.
_SHORTEST = 1e-9


@jit
def line_search(plan: Integers, cubic: bool) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    status = newton_direction(plan)
    if status != RUNNING:
        return int(status)
    settings = doubles(plan[layout.SETTINGS])
    f, trial = doubles(plan[layout.F]), doubles(plan[layout.TRIAL])
    set_weights(plan)
    merit = weighted_square(plan, f)
    slope = _downhill(plan)
    if not slope > 0.0:
        return int(ending(plan))
    set_out(plan)
    length, last_length, last_merit = 1.0, 0.0, 0.0
    while True:
        go(plan, length)
        # The full step is evaluated with its Jacobian, which is wanted far more often than not.
        if length == 1.0:
            evaluate(plan)
            new_merit = weighted_square(plan, f)
            sound = sound_jacobian(plan)
        else:
            evaluate_residual(plan)
            new_merit = weighted_square(plan, trial)
            sound = True
        sound = sound and np.isfinite(new_merit)
        if sound and new_merit <= merit - 2.0 * _SUFFICIENT_DECREASE * length * slope:
            slow = length == 1.0 and new_merit > _FAST * merit and _straight_on(plan)
            plan[layout.SLOW_STEPS] = plan[layout.SLOW_STEPS] + 1 if slow else 0
            if plan[layout.SLOW_STEPS] > _PATIENCE:
                length = _longer(plan, new_merit)
                settings[layout.NEWTON_STEP] *= length
            return int(arrive(plan, length))
        if sound:
            wanted = parabola(length, slope, merit, new_merit)
            if cubic and last_length > 0.0:
                wanted = cubic_minimum(length, last_length, slope, merit, new_merit, last_merit)
            last_length, last_merit = length, new_merit
            length = min(0.5 * length, max(0.1 * length, wanted))
        else:
            length = shorter(length)
        over = spent(plan)
        if length * settings[LAST_STEP] < EPSILON or length < _SHORTEST or over:
            if not sound:
                return int(out_of_domain(plan, over))
            retreat(plan)
            if over:
                return _EVALUATION_LIMIT
            return int(ending(plan))


@jit
def _straight_on(plan: Integers) -> bool:
    """Return whether STEP leads where the step before led, and remember it."""
    step, last, largest = (
        doubles(plan[layout.STEP]),
        doubles(plan[layout.LAST_DIRECTION]),
        doubles(plan[layout.LARGEST]),
    )
    product, square, last_square = 0.0, 0.0, 0.0
    for j in range(plan[N]):
        size = max(largest[j], 1e-300)
        now, before = step[j] / size, last[j] / size
        product += now * before
        square += now * now
        last_square += before * before
        last[j] = step[j]
    return bool(product > _COLLINEAR * np.sqrt(square * last_square))


@jit
def _longer(plan: Integers, merit: float) -> float:
    """Double the step as long as ‖W f‖² falls, from `merit` after the full step; return its length, x being there."""
    trial, length = doubles(plan[layout.TRIAL]), 1.0
    while length < _LONGEST and not spent(plan):
        go(plan, 2.0 * length)
        evaluate_residual(plan)
        longer_merit = weighted_square(plan, trial)
        if not longer_merit < merit:
            break
        length, merit = 2.0 * length, longer_merit
    go(plan, length)
    evaluate(plan)
    if not sound_jacobian(plan):
        length = 1.0
        go(plan, length)
        evaluate(plan)
    return length


@jit
def parabola(length: float, slope: float, merit: float, new_merit: float) -> float:
    """Return the minimiser of the parabola with ‖W f‖² at 0 and at `length`, and −2·slope at 0."""
    return length * length * slope / (new_merit - merit + 2.0 * length * slope)


@jit
def cubic_minimum(
    length: float, last_length: float, slope: float, merit: float, new_merit: float, last_merit: float
) -> float:
    """Return the minimiser of the cubic with ‖W f‖² at 0, `length` and `last_length`, and −2·slope at 0."""
    first = (new_merit - merit + 2.0 * slope * length) / (length * length)
    second = (last_merit - merit + 2.0 * slope * last_length) / (last_length * last_length)
    a = (first - second) / (length - last_length)
    b = (length * second - last_length * first) / (length - last_length)
    if a == 0.0:
        return slope / b if b > 0.0 else 0.5 * length
    discriminant = b * b + 6.0 * a * slope
    if not discriminant >= 0.0:
        return 0.5 * length
    return float((np.sqrt(discriminant) - b) / (3.0 * a))


@jit
def _downhill(plan: Integers) -> float:
    """Return minus half the slope of ‖W f‖² along STEP; a step that bounds have bent upwards is made another."""
    step = doubles(plan[layout.STEP])
    slope = descent(plan, step)
    if slope > 0.0 or plan[BOUNDED] == 0:
        return slope
    set_inverse_sizes(plan)
    gradient(plan)
    if not damped_step(plan, _BLOCKED_DAMPING):
        return 0.0
    bend(plan)
    return descent(plan, step)
