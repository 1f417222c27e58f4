"""Other starts, for when nothing has come of the caller's; they look random and are the same each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.callback.problem import CallbackProblem

Array = NDArray[np.float64]

_SIZES = 4


def another_start(problem: CallbackProblem, number: int) -> Array:
    """Return a start, shape (n,): as the engine's `set_start` chooses them.

    In finite bounds any point; else the caller's with every component changed by up to its own size or, in turn, by up
    to ten times. A component of zero is tried at sizes from 1 to 1000.
    """
    random = np.random.default_rng(number).uniform(-1.0, 1.0, problem.n)
    size = np.abs(problem.start) if problem.nominal is None else np.maximum(np.abs(problem.start), problem.nominal)
    size = np.where(size > 0.0, size, 10.0 ** (number % _SIZES))
    if number % 2:
        x = problem.start + size * random
    else:
        x = np.where(problem.start != 0.0, problem.start, size * random) * 10.0**random
    bounds = problem.bounds
    if bounds is not None:
        width = bounds.upper - bounds.lower
        finite = np.isfinite(width)
        x[finite] = (bounds.lower + 0.5 * (random + 1.0) * width)[finite]
    return problem.inside(x)
