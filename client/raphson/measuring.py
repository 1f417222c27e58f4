"""What a client offers of what a Jacobian does: to volumes, densities, lengths and uncertainties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import to_array
from raphson.determinant import Determinant
from raphson.evaluating import Asked, Evaluating, Where, points_of
from raphson.offering import offered
from raphson.propagated import Propagated, to_propagated
from raphson.spectrum import Spectrum, to_spectrum
from raphson.vectors import direction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.arrays import Array
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point
    from raphson.region import Bounds


class Measuring(Evaluating):
    """Measures Jacobians, at one point or at many."""

    @offered
    async def determinant(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Determinant:
        """Evaluate det J; the system must have as many equations as unknowns.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        Determinant
            Its sign and logarithm, and its value: numbers, or arrays of shape (…).
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._evaluate(where, Asked(("determinant",)))
        return Determinant(found.number("determinant.sign"), found.number("determinant.log_abs"))

    @offered
    async def change_of_variables_logdensity(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        log_density: ArrayLike,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> float | Array:
        """Evaluate log p_y(f(x)) = log p_x(x) − log|det J|, for f that is one to one.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.
        log_density : array-like, shape (…)
            log p_x at the points.

        Returns
        -------
        float, or ndarray of float64, shape (…)
            Infinite where det J = 0.
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        given = to_array(log_density, "log_density")
        found = await self._evaluate(where, Asked(densities={"log_density": given}))
        return found.number("log_density")

    @offered
    async def spectrum(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Spectrum:
        """Evaluate the singular values of J, its condition number and its numerical rank.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        Spectrum
            Of shape (min(m, n),), a number and a whole number, or of these with the batch's dimensions before.
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        return to_spectrum(await self._evaluate(where, Asked(("spectrum",))))

    @offered
    async def propagate_covariance(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        covariance: Mapping[str, ArrayLike] | ArrayLike,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Propagated:
        """Evaluate J Σ Jᵀ: the covariance of f(x), to first order in that of x.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.
        covariance : array-like of shape (n, n) or (n,), or mapping of str to array-like
            Σ, symmetric and positive semidefinite, the unknowns flattened in order; or the standard deviations of
            independent unknowns, as a vector or by name.

        Returns
        -------
        Propagated
            The covariance, shape (…, m, m), and standard deviations by name.
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        points = points_of(where)
        # By name, or a vector or matrix as it is; a number counts as a vector of one.
        given = np.atleast_1d(direction(covariance, points.problem, "covariance"))
        return to_propagated(await self._send_points(points, where, Asked(constants={"covariance": given})))
