"""The curve f(x, λ) = 0 in scaled variables: its tangents, and Newton's method back to it.

z = (x/d, λ/e) with fixed sizes d, e. A point next to the curve is brought back to it within a hyperplane
row·z = value: the bordered system [f; row·z − value] = 0 is regular at folds too, where J is singular.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson_solver.sensitivity.factorization import Factorization
from raphson_solver.solution.local import Local, local, parameter_entries

if TYPE_CHECKING:
    from raphson_solver.solution.options import SolveOptions
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]

_LARGEST_ITERATIONS = 12
_SMALL_STEP = 1e-6
"""Against how far the point may be: Newton's next step would be about the square of the last."""
_ROUNDING_STEP = 1e-14
_SETTLED = 2
"""After so many steps that change nothing the residual will not pass by more of them."""
_CONTRACTION = 0.5


class OffCurveError(ArithmeticError):
    """Newton's method did not come back to the curve nearby.

    Attributes
    ----------
    left_domain : bool
        Whether f or its derivatives were not finite.
    """

    def __init__(self, *, left_domain: bool) -> None:
        super().__init__()
        self.left_domain = left_domain


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """A point on the curve.

    Attributes
    ----------
    z : ndarray, shape (n + 1,)
        Scaled variables, the parameter last.
    tangent : ndarray, shape (n + 1,)
        Of length 1, along the way taken.
    sign : float
        Of the determinant of [f_z; tangent]: it changes where another branch crosses.
    iterations : int
        Newton steps to here.
    scaled_residual : float
        The largest.
    """

    z: Array
    tangent: Array
    sign: float
    iterations: int
    scaled_residual: float


class Curve:
    """f(x, λ) = 0 with the other parameters fixed.

    Parameters
    ----------
    system : System
        With as many equations as variables.
    p : ndarray, shape (k,)
        The parameters.
    place : int
        Of λ in p.
    sizes : ndarray, shape (n + 1,)
        Of x and λ, all above 0.
    options : SolveOptions
        Whose tolerances say what a root is.

    Attributes
    ----------
    only_parameter : ndarray, shape (n + 1,)
        The normal of hyperplanes on which λ is fixed.
    """

    def __init__(self, system: System, p: Array, place: int, sizes: Array, options: SolveOptions) -> None:
        self._system = system
        self._p = p.copy()
        self._place = place
        self.sizes = sizes
        self.only_parameter = np.append(np.zeros(sizes.size - 1), 1.0)
        self._options = options
        pattern = system.kernels.parameter_pattern
        self._entries = np.flatnonzero(pattern.columns == place)
        self._rows = pattern.rows[self._entries]

    def unscaled(self, z: Array) -> tuple[Array, float]:
        """Return x and λ."""
        point = z * self.sizes
        return point[:-1], float(point[-1])

    def point(self, z: Array, along: Array) -> CurvePoint:
        """Return a point that is on the curve already, with its tangent on the side of `along`.

        Raises
        ------
        OffCurveError
            Where f is not finite, the residual does not pass, or there is no single tangent.
        """
        here, slopes = self._evaluate(z)
        if not here.passes(self._options.tolerance, self._options.absolute_tolerance):
            raise OffCurveError(left_domain=False)
        return self._finished(z, here, slopes, along, 0)

    @np.errstate(all="ignore")
    def back(self, z: Array, row: Array, value: float, along: Array, reach: float) -> CurvePoint:
        """Return the point of the curve with row·z = value that Newton's method leads to.

        Parameters
        ----------
        z : ndarray, shape (n + 1,)
            Where to begin.
        row : ndarray, shape (n + 1,)
            Normal of the hyperplane.
        value : float
            Where it is.
        along : ndarray, shape (n + 1,)
            The way taken: the tangent is on its side.
        reach : float
            How far the point may be from where Newton's method began.

        Raises
        ------
        OffCurveError
            Where it leads nowhere near.
        """
        begin, z = z, z.copy()
        last, settled = np.inf, 0
        for iteration in range(_LARGEST_ITERATIONS + 1):
            here, slopes = self._evaluate(z)
            rounding = _ROUNDING_STEP * float(np.linalg.norm(z))
            if last <= max(_SMALL_STEP * reach, rounding):
                if here.passes(self._options.tolerance, self._options.absolute_tolerance):
                    return self._finished(z, here, slopes, along, iteration)
                settled += 1
                if settled == _SETTLED:
                    # Rounding of λ alone may be too much for f: λ stays, x is to fit it.
                    row, value, last = self.only_parameter, float(z[-1]), np.inf
            factors = Factorization(self._bordered(here, slopes, row))
            if factors.sign == 0.0:
                break
            step = factors.solve(-np.append(here.f, row @ z - value))
            length = float(np.linalg.norm(step))
            slow = settled == 0 and length > max(_CONTRACTION * last, rounding)
            z = z + step
            if slow or not np.linalg.norm(z - begin) <= reach:
                break
            if row is self.only_parameter:
                z[-1] = value
            last = length
        raise OffCurveError(left_domain=False)

    def is_defined(self, z: Array) -> bool:
        """Return whether f and its derivatives are finite at a point."""
        try:
            self._evaluate(z)
        except OffCurveError:
            return False
        return True

    def _evaluate(self, z: Array) -> tuple[Local, Array]:
        """Return f and J in scaled variables, and ∂f/∂λ too."""
        x, parameter = self.unscaled(z)
        self._p[self._place] = parameter
        here = local(self._system, x, self._p)
        slopes = np.zeros(x.size)
        slopes[self._rows] = parameter_entries(self._system, x, self._p)[self._entries]
        if not (here.is_finite and np.all(np.isfinite(slopes))):
            raise OffCurveError(left_domain=True)
        return here, slopes

    def _bordered(self, here: Local, slopes: Array, row: Array) -> Array:
        return np.vstack((np.column_stack((here.jacobian, slopes)) * self.sizes, row))

    def _finished(self, z: Array, here: Local, slopes: Array, along: Array, iterations: int) -> CurvePoint:
        factors = Factorization(self._bordered(here, slopes, along))
        if factors.sign == 0.0:
            raise OffCurveError(left_domain=False)
        tangent = factors.solve(np.append(np.zeros(z.size - 1), 1.0))
        tangent /= np.linalg.norm(tangent)
        # With the tangent itself as its last row the sign does not depend on `along`, which is on the same side.
        return CurvePoint(z, tangent, factors.sign, iterations, float(here.scaled_residual.max()))
