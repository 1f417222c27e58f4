"""What `auto` tries, one attempt after another, and where each begins.

Damped and undamped Newton fail on different problems. Undamped comes first: what plain Newton solves shall cost what
plain Newton costs. A line search and Levenberg–Marquardt follow, from the same start; then points around it.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine import layout
from raphson_solver.engine.intrinsics import Integers, doubles
from raphson_solver.engine.jit import jit
from raphson_solver.engine.layout import BOUNDED, M, N
from raphson_solver.engine.status import Method

_AUTO = int(Method.AUTO)
_NEWTON = int(Method.NEWTON)
_LINE_SEARCH = int(Method.LINE_SEARCH)
_LEVENBERG_MARQUARDT = int(Method.LEVENBERG_MARQUARDT)
_TRUST_REGION = int(Method.TRUST_REGION)
_PSEUDO_TRANSIENT = int(Method.PSEUDO_TRANSIENT)
_BRACKETING = int(Method.BRACKETING)

# A method, whether its sum of squares is as it stands instead of weighted to equal size, which start (0: the
# caller's), and its share of the iterations, in thousandths.
SQUARE = (
    (_NEWTON, 0, 0, 200),
    (_LINE_SEARCH, 0, 0, 75),
    (_LEVENBERG_MARQUARDT, 0, 0, 75),
    (_LEVENBERG_MARQUARDT, 1, 0, 75),
    (_TRUST_REGION, 0, 0, 40),
    (_PSEUDO_TRANSIENT, 0, 0, 40),
)
SCALAR = (
    (_NEWTON, 0, 0, 50),
    (_BRACKETING, 0, 0, 100),
    (_LINE_SEARCH, 0, 0, 50),
)
RECTANGULAR = (
    (_LEVENBERG_MARQUARDT, 1, 0, 400),
    (_LINE_SEARCH, 0, 0, 200),
)
# Where few iterations are allowed the first attempts have them all, rather than each too few to arrive.
_FEWEST_STEPS = 20
RESTARTS = 100
_RESTART_SHARE = 30
_FARTHEST = 20
_SIZES = 4


@jit
def attempts(plan: Integers) -> int:
    """Return how many attempts the method has."""
    if plan[layout.METHOD] != _AUTO:
        return 1
    return _before_restarts(plan) + RESTARTS


@jit
def _before_restarts(plan: Integers) -> int:
    if plan[M] != plan[N]:
        return len(RECTANGULAR)
    return len(SCALAR) if plan[N] == 1 else len(SQUARE)


@jit
def attempt(plan: Integers) -> tuple[int, int, int, int]:
    """Return the current attempt: method, whether unweighted, start, and how many steps it may take."""
    limit = int(plan[layout.ITERATION_LIMIT])
    if plan[layout.METHOD] != _AUTO:
        return int(plan[layout.METHOD]), 0, 0, limit
    place = plan[layout.ATTEMPT]
    count = _before_restarts(plan)
    square = plan[M] == plan[N]
    if place >= count:
        start, share, unweighted = place - count + 1, _RESTART_SHARE, 0 if square else 1
        turn = start % 3
        method = _LINE_SEARCH if turn == 1 else (_NEWTON if turn == 2 else _TRUST_REGION)
        if not square:
            method = _LEVENBERG_MARQUARDT
    elif not square:
        method, unweighted, start, share = RECTANGULAR[place]
    elif plan[N] == 1:
        method, unweighted, start, share = SCALAR[place]
    else:
        method, unweighted, start, share = SQUARE[place]
    return method, unweighted, start, _steps(limit, share)


@jit
def steps_of_first(limit: int) -> int:
    """Return how many steps the first attempt at a square system has, of so many iterations."""
    return min(limit, _steps(limit, SQUARE[0][3]))


@jit
def _steps(limit: int, share: int) -> int:
    return max(_FEWEST_STEPS, (limit * share + 999) // 1000)


@jit
def set_start(plan: Integers, number: int, again: int) -> None:
    """Set x to a start: the caller's, or another around it; `again` counts how many were not in the domain of f.

    Another is, in finite bounds, any point; else the caller's with every component changed at random by up to ten
    times, or by up to its own size. A component of zero, of no nominal size, is tried at sizes from 1 to 1000.
    Those for a start outside the domain first go to zero: a half, a quarter, a sixteenth, each the last's square.
    """
    x, start, nominal = doubles(plan[layout.X]), doubles(plan[layout.START]), doubles(plan[layout.NOMINAL])
    lower, upper = doubles(plan[layout.LOWER]), doubles(plan[layout.UPPER])
    turn = number + again
    if turn == 0 and plan[BOUNDED] == 0:
        for j in range(plan[N]):
            x[j] = start[j]
        return
    for j in range(plan[N]):
        size = max(abs(start[j]), nominal[j])
        if size == 0.0:
            size = 10.0 ** (turn % _SIZES)
        random = 2.0 * _uniform(3 * _FARTHEST * number + again, j) - 1.0
        x[j] = start[j]
        if number == 0 and 0 < again <= _FARTHEST // 2:
            x[j] = start[j] * 0.5 ** (2.0 ** (again - 1))
        elif turn > 0 and turn // 2 % 3 == 0:
            x[j] = start[j] + size * random
        elif turn > 0 and turn // 2 % 3 == 1:
            x[j] = (start[j] if start[j] != 0.0 else size * random) * 10.0**random
        elif turn > 0:
            x[j] = (start[j] if start[j] != 0.0 else size) * random * 10.0 ** (random - 1.0)
        if plan[BOUNDED] != 0:
            if turn > 0 and np.isfinite(upper[j] - lower[j]):
                x[j] = lower[j] + 0.5 * (random + 1.0) * (upper[j] - lower[j])
            x[j] = min(max(x[j], lower[j]), upper[j])


@jit
def may_try_again(plan: Integers, again: int) -> bool:
    """Return whether a start outside the domain of f may be replaced once more."""
    return bool(plan[layout.METHOD] == _AUTO and again < _FARTHEST)


@jit
def _uniform(number: int, place: int) -> float:
    """Return a number in [0, 1) that looks random and is the same each time (Steele et al. 2014, SplitMix64)."""
    z = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(place + 1) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * 2.0**-53
