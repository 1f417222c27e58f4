"""Finite differences: columns of the Jacobian from evaluations of f."""

from __future__ import annotations

import numpy as np

from raphson_solver.engine.intrinsics import Doubles, Integers, call_kernel, doubles, integers
from raphson_solver.engine.jit import jit
from raphson_solver.engine.status import JacobianMode

_CENTRAL = int(JacobianMode.CENTRAL)
# The steps that balance truncation against rounding: Dennis & Schnabel (1983), section 5.4.
_FORWARD_STEP = 2.0**-26
_CENTRAL_STEP = 2.0**-17.5


@jit
def differences(
    address: int, program: int, mode: int, pattern: Integers, n: int, entries: int, x: Doubles, p: Doubles,
    typical: Doubles, f: Doubles, values: Doubles, above: Doubles, below: Doubles, work: Doubles,
) -> int:  # fmt: skip
    """Fill the entries of J; return how many times f was evaluated.

    `x` is moved one variable at a time and restored. `typical` gives each variable's size, for its step. Where f
    is not finite on one side, the other side alone is used.
    """
    by_column = 2 * entries
    starts = 3 * entries
    evaluations = 0
    for j in range(n):
        first, last = pattern[starts + j], pattern[starts + j + 1]
        if first == last:
            continue
        centre = x[j]
        size = max(abs(centre), typical[j])
        if not size > 0.0:
            size = 1.0
        wanted = size * (_CENTRAL_STEP if mode == _CENTRAL else _FORWARD_STEP)
        upper, lower = centre + wanted, centre - wanted
        x[j] = upper
        call_kernel(address, program, x, p, above, work)
        evaluations += 1
        sound_above = _finite(above, pattern, by_column, first, last)
        sound_below = False
        if mode == _CENTRAL or not sound_above:
            x[j] = lower
            call_kernel(address, program, x, p, below, work)
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
            else:
                values[entry] = np.nan
    return evaluations


@jit
def _finite(f: Doubles, pattern: Integers, by_column: int, first: int, last: int) -> bool:
    for place in range(first, last):
        if not np.isfinite(f[pattern[pattern[by_column + place]]]):
            return False
    return True


@jit
def differences_at(
    address: int, program: int, mode: int, pattern: int, n: int, entries: int, x: int, p: int, typical: int,
    f: int, values: int, above: int, below: int, work: int,
) -> int:  # fmt: skip
    """Do as `differences`, from Python: arrays come by address."""
    return differences(
        address, program, mode, integers(pattern), n, entries, doubles(x), doubles(p), doubles(typical), doubles(f),
        doubles(values), doubles(above), doubles(below), doubles(work),
    )  # fmt: skip
