"""Newton's method on f·∏(1/‖x − r‖² + 1), which known roots r repel: the same direction, another length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.sensitivity.factorization import Factorization
from raphson_solver.solution.local import local

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_LARGEST_ITERATIONS = 40
_NEAR = 1e-4
"""A Newton step this short, in parts of the box, is left to the solver to finish."""
_LONGEST = 0.5


@np.errstate(all="ignore")
def deflated(system: System, x: Array, p: Array, known: Sequence[Array], lower: Array, upper: Array) -> Array | None:
    """Return a point in the box from which an undeflated Newton step is short, or None.

    Parameters
    ----------
    system : System
        With as many equations as variables.
    x : ndarray, shape (n,)
        Where to begin.
    p : ndarray, shape (k,)
        The parameters.
    known : sequence of ndarray, shape (n,)
        The roots to stay away from.
    lower, upper : ndarray, shape (n,)
        The box: steps are cut at its sides.
    """
    width = upper - lower
    roots = np.array(known)
    for _ in range(_LARGEST_ITERATIONS):
        here = local(system, x, p)
        if not here.is_finite:
            return None
        factors = Factorization(here.jacobian)
        if factors.sign == 0.0:
            return None
        newton = factors.solve(-here.f)
        length = _longest(newton, width)
        if length <= _NEAR:
            return x
        step = newton * _stretch((x - roots) / width, newton / width)
        length = _longest(step, width)
        if not np.isfinite(length):
            return None
        moved = np.clip(x + step * min(1.0, _LONGEST / length if length > 0.0 else 1.0), lower, upper)
        if np.array_equal(moved, x):
            return None
        x = moved
    return None


def _stretch(offsets: Array, newton: Array) -> float:
    """Return the deflated step's length against Newton's: 1/(1 − ∇log M·s), by Sherman and Morrison.

    Parameters
    ----------
    offsets : ndarray, shape (roots, n)
        From the known roots, in parts of the box.
    newton : ndarray, shape (n,)
        Newton's step, in the same.
    """
    squares = np.sum(offsets**2, axis=1)
    slope = np.sum(-2.0 * (offsets @ newton) / (squares * (1.0 + squares)))
    return float(1.0 / (1.0 - slope))


def _longest(step: Array, width: Array) -> float:
    return float(np.max(np.abs(step) / width))
