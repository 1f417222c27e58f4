"""Pseudo-transient continuation: implicit Euler steps through a pseudo-time, longer as the residual falls.

The step solves (S/δ + J)·d = −f. S is diagonal: the scale of each equation over the size of its variable, with the
sign of J there, so that it makes J's diagonal heavier. δ grows as ‖W f‖ falls (Kelley & Keyes 1998, SIAM J. Numer.
Anal. 35), and the step becomes Newton's. DAMPING keeps δ from step to step.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.aim import RUNNING, newton_direction
from raphson_solver.engine.intrinsics import Integers, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import DAMPING, ENTRIES, LAST_LENGTH, LAST_STEP, N
from raphson_solver.engine.linear import eliminate, row_length
from raphson_solver.engine.move import bend, go, relative_size, retreat, set_out
from raphson_solver.engine.newton import out_of_domain
from raphson_solver.engine.point import (
    complete,
    evaluate,
    set_weights,
    sound_jacobian,
    weighted_square,
)
from raphson_solver.engine.sparse_step import sparse_implicit_step
from raphson_solver.engine.status import Status
from raphson_solver.engine.step import set_inverse_sizes
from raphson_solver.engine.stopped import spent

_DOMAIN_ERROR = int(Status.DOMAIN_ERROR)
_SINGULAR = int(Status.SINGULAR)

_LONGEST_TIME = 1e20
_LEAST_TIME = 1e-20
_LARGEST_CHANGE = 10.0


@jit
def pseudo_transient(plan: Integers) -> int:
    """Test the current point; if it does not pass, take one step. Return a `Status` or `RUNNING`."""
    status = newton_direction(plan)
    if status != RUNNING:
        return int(status)
    settings, f = doubles(plan[layout.SETTINGS]), doubles(plan[layout.F])
    set_weights(plan)
    set_inverse_sizes(plan)
    norm = np.sqrt(weighted_square(plan, f))
    if settings[DAMPING] == 0.0:
        settings[DAMPING] = 1.0
    set_out(plan)
    while True:
        if not settings[DAMPING] > _LEAST_TIME or spent(plan):
            return int(out_of_domain(plan, settings[DAMPING] > _LEAST_TIME))
        if not _implicit_step(plan, settings[DAMPING]):
            return _SINGULAR
        bend(plan)
        settings[LAST_STEP] = max(settings[LAST_STEP], relative_size(plan, 1.0))
        go(plan, 1.0)
        evaluate(plan)
        new_norm = np.sqrt(weighted_square(plan, f))
        if np.isfinite(new_norm) and sound_jacobian(plan):
            break
        settings[DAMPING] *= 0.1
        retreat(plan)
    change = norm / new_norm if new_norm > 0.0 else _LARGEST_CHANGE
    settings[DAMPING] *= min(max(change, 1.0 / _LARGEST_CHANGE), _LARGEST_CHANGE)
    settings[DAMPING] = min(settings[DAMPING], _LONGEST_TIME)
    settings[LAST_LENGTH] = settings[DAMPING]
    return RUNNING if complete(plan) else _DOMAIN_ERROR


@jit
def _implicit_step(plan: Integers, time: float) -> bool:
    """Solve (S/δ + J)·step = −f in rows scaled by W; return whether that was possible."""
    if plan[layout.LINEAR_SOLVER] != 0:
        return sparse_implicit_step(plan, time)
    n, entries = plan[N], plan[ENTRIES]
    pattern, length = integers(plan[layout.PATTERN]), row_length(n)
    places = integers(plan[layout.PLACES])
    f, values, weight = doubles(plan[layout.F]), doubles(plan[layout.VALUES]), doubles(plan[layout.WEIGHT])
    step, matrix, inverse = (
        doubles(plan[layout.STEP]),
        doubles(plan[layout.MATRIX]),
        doubles(plan[layout.INVERSE_SIZE]),
    )
    for place in range(n * length):
        matrix[place] = 0.0
    for entry in range(entries):
        row = pattern[entry]
        matrix[places[row] * length + pattern[entries + entry]] = weight[row] * values[entry]
    for i in range(n):
        row = places[i] * length
        diagonal = matrix[row + i]
        matrix[row + i] = diagonal + (-inverse[i] if diagonal < 0.0 else inverse[i]) / time
        matrix[row + n] = -weight[i] * f[i]
    return bool(eliminate(plan, matrix, step))
