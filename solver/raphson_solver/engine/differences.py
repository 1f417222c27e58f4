"""Finite differences: columns of the Jacobian from evaluations of f."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Doubles, Integers, call_kernel, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, ENTRIES, N
from raphson_solver.engine.status import JacobianMode
from raphson_solver.engine.stopped import stopped

_CENTRAL = int(JacobianMode.CENTRAL)
# The steps that balance truncation against rounding: Dennis & Schnabel (1983), section 5.4.
_FORWARD_STEP = 2.0**-26
_CENTRAL_STEP = 2.0**-17.5
# Of so many variables f takes so long that looking whether to stop takes no time beside it.
_MANY = 16


@jit
def differences(plan: Integers) -> int:
    """Fill the entries of J at x from f there; return how many times f was evaluated.

    x is moved one variable at a time, within its bounds, and restored. LARGEST gives each variable's size, for its
    step. Where f is not finite on one side, the other side alone is used. TRIAL and CHANGE are overwritten. J is left
    unfinished where the solve is to stop.
    """
    n, entries = plan[N], plan[ENTRIES]
    pattern = integers(plan[layout.PATTERN])
    x, f, values = doubles(plan[layout.X]), doubles(plan[layout.F]), doubles(plan[layout.VALUES])
    largest, lowest, highest = (
        doubles(plan[layout.LARGEST]),
        doubles(plan[layout.LOWER]),
        doubles(plan[layout.UPPER]),
    )
    above, below = doubles(plan[layout.TRIAL]), doubles(plan[layout.CHANGE])
    central = plan[layout.MODE] == _CENTRAL
    by_column, starts = 2 * entries, 3 * entries
    evaluations = 0
    for j in range(n):
        first, last = pattern[starts + j], pattern[starts + j + 1]
        if first == last:
            continue
        if n >= _MANY and stopped(plan):
            return evaluations
        centre = x[j]
        size = max(abs(centre), largest[j])
        if not size > 0.0:
            size = 1.0
        wanted = size * (_CENTRAL_STEP if central else _FORWARD_STEP)
        upper, lower = centre + wanted, centre - wanted
        if plan[BOUNDED] != 0:
            upper, lower = min(upper, highest[j]), max(lower, lowest[j])
        sound_above, sound_below = False, False
        if upper > centre:
            x[j] = upper
            _residual(plan, above)
            evaluations += 1
            sound_above = _finite(above, pattern, by_column, first, last)
        if (central or not sound_above) and lower < centre:
            x[j] = lower
            _residual(plan, below)
            evaluations += 1
            sound_below = _finite(below, pattern, by_column, first, last)
        x[j] = centre
        for place in range(first, last):
            entry = pattern[by_column + place]
            row = pattern[entry]
            if sound_above and sound_below:
                values[entry] = (above[row] - below[row]) / (upper - lower)
            elif sound_above:
                values[entry] = (above[row] - f[row]) / (upper - centre)
            elif sound_below:
                values[entry] = (f[row] - below[row]) / (centre - lower)
            elif upper == lower:
                # Between equal bounds the variable cannot move, and no step asks for its slope.
                values[entry] = 0.0
            else:
                values[entry] = np.nan
    return evaluations


@jit
def _residual(plan: Integers, out: Doubles) -> None:
    call_kernel(
        plan[layout.RESIDUAL_ADDRESS],
        plan[layout.RESIDUAL_PROGRAM],
        doubles(plan[layout.X]),
        doubles(plan[layout.P]),
        out,
        doubles(plan[layout.WORK]),
    )


@jit
def _finite(f: Doubles, pattern: Integers, by_column: int, first: int, last: int) -> bool:
    for place in range(first, last):
        if not np.isfinite(f[pattern[pattern[by_column + place]]]):
            return False
    return True
