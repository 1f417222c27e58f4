"""Trust region: Powell's dogleg, along steepest descent and then towards Newton's step, as far as f is trusted.

The radius Δ bounds ‖D·d‖₂, D the inverse sizes of the variables, and follows the ratio of the actual to the predicted
fall of ‖W f‖² (Nocedal & Wright 2006, algorithm 4.1 and section 4.1). DAMPING keeps Δ from step to step.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, newton_direction
from raphson_solver.engine.convergence import ending, gradient
from raphson_solver.engine.intrinsics import Doubles, Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import DAMPING, LAST_LENGTH, N
from raphson_solver.engine.move import EPSILON, bend, go, go_back, set_out
from raphson_solver.engine.newton import out_of_domain
from raphson_solver.engine.point import (
    complete,
    evaluate,
    evaluate_residual,
    set_weights,
    sound_jacobian,
    weighted_square,
)
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import predicted_square, set_inverse_sizes
from raphson_solver.engine.stopped import spent

_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_EVALUATION_LIMIT = int(Status.EVALUATION_LIMIT)

_LEAST_RATIO = 1e-4
_POOR, _GOOD = 0.25, 0.75


@jit
def trust_region(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    status = newton_direction(plan)
    if status != RUNNING:
        return int(status)
    n = plan[N]
    settings = doubles(plan[layout.SETTINGS])
    f, step, newton = doubles(plan[layout.F]), doubles(plan[layout.STEP]), doubles(plan[layout.LAST_DIRECTION])
    set_weights(plan)
    set_inverse_sizes(plan)
    gradient(plan)
    set_out(plan)
    for j in range(n):
        newton[j] = step[j]
    merit = weighted_square(plan, f)
    radius = settings[DAMPING]
    if radius == 0.0:
        # At first every variable may change by about its own size.
        radius = np.sqrt(float(n))
    while True:
        far = _dogleg(plan, newton, radius)
        bend(plan)
        size = _scaled_size(plan, step)
        fall = merit - predicted_square(plan, step, 1.0)
        over = spent(plan)
        if not (size > EPSILON and fall > 0.0) or over:
            status = ending(plan)
            return _EVALUATION_LIMIT if over else status
        go(plan, 1.0)
        evaluate_residual(plan)
        new_merit = weighted_square(plan, doubles(plan[layout.TRIAL]))
        sound = bool(np.isfinite(new_merit))
        ratio = (merit - new_merit) / fall if sound else -1.0
        if ratio > _LEAST_RATIO:
            evaluate(plan)
            sound = sound_jacobian(plan)
        if ratio < _POOR or not sound:
            radius = 0.25 * size
        elif ratio > _GOOD and far:
            radius = max(radius, 2.0 * size)
        if ratio > _LEAST_RATIO and sound:
            settings[DAMPING], settings[LAST_LENGTH] = radius, radius
            return RUNNING if complete(plan) else _DOMAIN_ERROR
        go_back(plan)
        if not sound:
            if radius < EPSILON:
                return int(out_of_domain(plan, False))
            evaluate(plan)
            complete(plan)


@jit
def _dogleg(plan: Integers, newton: Doubles, radius: float) -> bool:
    """Leave in STEP the point of the path at the radius, or Newton's step; return whether the radius cut it."""
    n = plan[N]
    step, down = doubles(plan[layout.STEP]), doubles(plan[layout.GRADIENT])
    inverse = doubles(plan[layout.INVERSE_SIZE])
    if _scaled_size(plan, newton) <= radius:
        for j in range(n):
            step[j] = newton[j]
        return False
    # Steepest descent in the scaled variables, to where the model is least along it.
    square = 0.0
    for j in range(n):
        step[j] = down[j] / inverse[j] / inverse[j]
        square += step[j] * down[j]
    size = np.sqrt(square)
    curvature = predicted_square(plan, step, 1.0) - weighted_square(plan, doubles(plan[layout.F])) + 2.0 * square
    length = square / curvature if curvature > 0.0 else np.inf
    if not length * size < radius:
        length = radius / size if size > 0.0 else 0.0
        for j in range(n):
            step[j] *= length
        return True
    # ‖D·(c + t·(newton − c))‖ = radius, for t in [0, 1].
    a, b, c = 0.0, 0.0, -radius * radius
    for j in range(n):
        step[j] *= length
        here, ahead = inverse[j] * step[j], inverse[j] * (newton[j] - step[j])
        a += ahead * ahead
        b += here * ahead
        c += here * here
    # With c ≤ 0 this form of the larger root cancels nothing.
    root = np.sqrt(max(b * b - a * c, 0.0))
    share = -c / (b + root) if b > 0.0 else (root - b) / a
    for j in range(n):
        step[j] += share * (newton[j] - step[j])
    return True


@jit
def _scaled_size(plan: Integers, step: Doubles) -> float:
    inverse = doubles(plan[layout.INVERSE_SIZE])
    total = 0.0
    for j in range(plan[N]):
        total += (inverse[j] * step[j]) ** 2
    return float(np.sqrt(total))
