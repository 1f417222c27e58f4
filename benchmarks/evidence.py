"""Is it a root? Judged at 50 digits, with nothing of raphson's in it.

Either of two proofs will do:

(a) every equation is solved as well as raphson promises: |f_i| is at most a tolerance times the size of the
    terms that cancel in it plus Σ_j |J_ij x_j|, or at most 1e-30. The size of the terms is taken from an error
    analysis: it is what rounding every operation leaves in f_i, in units of rounding. And the point is not on
    its way to infinity, where f may be small with no root near.
(b) Newton's method at 50 digits goes from the point to a root that lies within the tolerance, relative to the
    largest component. This is how a component whose root is exactly zero can be judged. Where J is singular at the
    root, as on a curve of roots, the step is the shortest of least squares.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from mpmath import matrix, mp, mpf

from tests.problems.reference import WORKING_DIGITS, NotDefinedError, jacobian, residual
from tests.problems.rounding import f_error

if TYPE_CHECKING:
    from collections.abc import Callable

ABSOLUTE_TOLERANCE = 1e-30
NEWTON_STEPS = 12
OUTWARDS = 1.5
AS_GOOD_AS_SINGULAR = (mpf("1e-8"), mpf("1e-20"))
"""Singular values below this share of the largest count as zero: beside a double root, and on a curve of roots."""
FAR = 1e-3
"""A first step that leads further than this, relative to the point, does not start beside a root."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What 50 digits say of a point.

    Attributes
    ----------
    equations : tuple of str
        The system.
    x : ndarray, shape (n,)
        The point.
    residual : ndarray, shape (m,)
        |f|.
    scaled_residual : ndarray, shape (m,)
        |f_i| over the size of the terms that cancel in it plus Σ_j |J_ij x_j|.
    """

    equations: tuple[str, ...]
    x: np.ndarray
    residual: np.ndarray
    scaled_residual: np.ndarray

    def holds(self, tolerance: float) -> bool:
        """Return whether the point is a root to this tolerance."""
        small = (self.scaled_residual <= tolerance) | (self.residual <= ABSOLUTE_TOLERANCE)
        if np.all(small) and not self.escapes():
            return True
        return self.distance_to_root() <= tolerance

    def escapes(self) -> bool:
        """Return whether Newton leads far outwards: f is small because x is large, and there is no root."""
        with mp.workdps(WORKING_DIGITS):
            x = _vector(self.x)
            try:
                return bool(mp.norm(x + self._step(x), mp.inf) > OUTWARDS * mp.norm(x, mp.inf) > 0)
            except (NotDefinedError, ZeroDivisionError):
                return False  # no step to judge by

    def distance_to_root(self) -> float:
        """Return how far Newton's root is, relative to its largest component; infinite if it finds none."""
        shortest = [self._distance(partial(self._shortest_step, share)) for share in AS_GOOD_AS_SINGULAR]
        return min(self._distance(self._step), *shortest)

    def _distance(self, step_from: Callable[[Any], Any]) -> float:
        with mp.workdps(WORKING_DIGITS):
            start = x = _vector(self.x)
            try:
                for _ in range(NEWTON_STEPS):
                    step = step_from(x)
                    x += step
                    size, moved = mp.norm(x, mp.inf), mp.norm(x - start, mp.inf)
                    if moved > FAR * size:
                        return np.inf
                    if mp.norm(step, mp.inf) <= mpf(10) ** -40 * size:
                        # No step may also mean a minimum that is not zero.
                        left = max(map(abs, residual(self.equations, list(x))))
                        solved = left <= ABSOLUTE_TOLERANCE * max(1.0, float(self.residual.max()))
                        return float(moved / size) if size and solved else np.inf
            except (NotDefinedError, ZeroDivisionError):
                pass  # no root to be reached from here
        return np.inf

    def _step(self, x: Any) -> Any:
        f, J = residual(self.equations, list(x)), _jacobian(self.equations, tuple(x))
        return -mp.lu_solve(matrix(J), matrix(f))

    def _shortest_step(self, share: Any, x: Any) -> Any:
        """Return Newton's step without the directions in which J is as good as singular."""
        f, J = matrix(residual(self.equations, list(x))), matrix(_jacobian(self.equations, tuple(x)))
        left, sizes, right = mp.svd_r(J)
        step = matrix([mpf(0)] * J.cols)
        for k in range(len(sizes)):
            if sizes[k] > share * sizes[0]:
                step -= right[k, :].T * ((left[:, k].T * f)[0] / sizes[k])
        return step

    @property
    def residual_norm(self) -> float:
        """The largest |f_i|."""
        return float(self.residual.max())


@lru_cache(maxsize=8)
def _jacobian(equations: tuple[str, ...], x: tuple[Any, ...]) -> list[list[Any]]:
    return jacobian(equations, x)


def _vector(x: np.ndarray) -> Any:
    return matrix([mpf(float(value)) for value in x])


def evidence(equations: tuple[str, ...], x: np.ndarray) -> Evidence:
    """Evaluate the equations at x; infinite residuals where they are not defined."""
    point = [float(value) for value in x]
    unknown = np.full(len(equations), np.inf)
    if not np.all(np.isfinite(point)):
        return Evidence(equations, x, unknown, unknown)
    try:
        f = np.array([abs(float(value)) for value in residual(equations, point)])
        scale = f_error(equations, point)
    except (NotDefinedError, ZeroDivisionError):
        return Evidence(equations, x, unknown, unknown)
    # At a kink the terms alone are the scale.
    with suppress(NotDefinedError), np.errstate(all="ignore"):
        at = tuple(mpf(value) for value in point)
        scale = scale + np.abs(np.array(_jacobian(equations, at), dtype=float)) @ np.abs(point)
    with np.errstate(all="ignore"):
        return Evidence(equations, x, f, np.where(f == 0.0, 0.0, f / scale))
