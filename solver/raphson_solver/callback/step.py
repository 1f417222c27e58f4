"""Powell's dogleg on f + J·s, within a radius and bounds.

Rows are weighted; the radius is of ‖D s‖, D the norms of J's columns, as in MINPACK's hybrj (Moré, Garbow & Hillstrom
1980, section 5.2 of Powell 1970). A variable at a bound that its step leads out of is left where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Array = NDArray[np.float64]
_lapack: Any = linalg.lapack
Mask = NDArray[np.bool_]

# Reciprocal condition below which a square matrix is solved as a singular one: about the noise of differences.
_SINGULAR = 1e-14
_NOISE = 1e-9


# No slots: with them a frozen class is pickled field by field in Python, every turn.
@dataclass(frozen=True, eq=False)
class Step:
    """A step, and what it is expected to do.

    Attributes
    ----------
    step : ndarray, shape (n,)
        Within the bounds.
    predicted : float
        ‖f + J·step‖, rows weighted.
    newton : ndarray, shape (n,)
        Where Newton leads, in the variables that may move.
    regular : bool
        Whether J, of these, is square and not singular.
    free : ndarray of bool, shape (n,)
        The variables that may move.
    """

    step: Array
    predicted: float
    newton: Array
    regular: bool
    free: Mask


def newton_step(jacobian: Array, residual: Array, sizes: Array) -> tuple[Array, bool]:
    """Return the s, shortest in D s, for which ‖J·s + f‖ is least, and whether J is square and regular."""
    with np.errstate(over="ignore"):
        scaled = jacobian / sizes
    if not np.all(np.isfinite(scaled)):
        # The same equations in a larger unit: in their own the numbers overflow.
        unit = np.max(np.abs(jacobian))
        jacobian, residual = jacobian / unit, residual / unit
        with np.errstate(over="ignore"):
            scaled = jacobian / sizes
        if not np.all(np.isfinite(scaled)):
            return np.zeros_like(sizes), False
    if scaled.shape[0] == scaled.shape[1] and scaled.size:
        # A square system is the same whatever its equations are multiplied by.
        rows = np.max(np.abs(scaled), axis=1)
        rows = np.where(rows > 0.0, rows, 1.0)
        equal = scaled / rows[:, None]
        factors, pivots, failed = _lapack.dgetrf(equal)
        if not failed:
            condition, _ = _lapack.dgecon(factors, linalg.norm(equal, 1))
            if condition > _SINGULAR:
                solved, _ = _lapack.dgetrs(factors, pivots, -residual / rows)
                if np.all(np.isfinite(solved)):
                    return solved / sizes, True
    found: Any = linalg.lstsq(scaled, -residual, cond=_NOISE, lapack_driver="gelsy", check_finite=False)
    return found[0] / sizes, False


def dogleg(
    jacobian: Array, residual: Array, sizes: Array, radius: float, x: Array, lower: Array | None, upper: Array | None
) -> Step:
    """Return the point of the path from steepest descent to Newton's step that is at the radius, bent into bounds.

    Parameters
    ----------
    jacobian, residual : ndarray, shapes (m, n) and (m,)
        Rows weighted.
    sizes : ndarray, shape (n,)
        D.
    radius : float
        Infinite for Newton's step itself.
    x, lower, upper : ndarray, shape (n,)
        Where, and the bounds if there are any.
    """
    n = x.size
    newton = np.zeros(n)
    if lower is None or upper is None:
        free = np.ones(n, bool)
        newton, regular = newton_step(jacobian, residual, sizes)
    else:
        free = lower < upper
        while True:
            newton[:] = 0.0
            newton[free], regular = newton_step(jacobian[:, free], residual, sizes[free])
            blocked = free & (((x <= lower) & (newton < 0.0)) | ((x >= upper) & (newton > 0.0)))
            if not blocked.any():
                break
            free = free & ~blocked
    step = newton.copy()
    if np.linalg.norm(sizes * newton) > radius:
        step[free] = _cut(jacobian[:, free], residual, sizes[free], radius, newton[free])
    if lower is not None and upper is not None:
        step = np.clip(x + step, lower, upper) - x
    predicted = float(np.linalg.norm(residual + jacobian @ step))
    return Step(step, predicted, newton, regular, free)


def _cut(jacobian: Array, residual: Array, sizes: Array, radius: float, newton: Array) -> Array:
    """Return the point of the path at the radius; Newton's step is beyond it."""
    down = -(residual @ jacobian) / sizes
    length = float(np.linalg.norm(down))
    if not length > 0.0:
        return newton * (radius / float(np.linalg.norm(sizes * newton)))
    down = down / length / sizes
    curvature = float(np.linalg.norm(jacobian @ down))
    least = length / curvature**2 if curvature > 0.0 else np.inf
    if not least < radius:
        return radius * down
    cauchy = least * down
    ahead = sizes * (newton - cauchy)
    # ‖D·(cauchy + t·(newton − cauchy))‖ = radius, for t in [0, 1].
    a, b, c = float(ahead @ ahead), float((sizes * cauchy) @ ahead), least * least - radius * radius
    root = np.sqrt(max(b * b - a * c, 0.0))
    share = -c / (b + root) if b > 0.0 else (root - b) / a
    cut: Array = cauchy + share * (newton - cauchy)
    return cut
