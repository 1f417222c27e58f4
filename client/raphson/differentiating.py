"""What a client offers of derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import Array, from_message, to_array, write, write_named
from raphson.calls import Calls
from raphson.determinant import Determinant
from raphson.problem import Equations, Parameters, Point, to_problem
from raphson.v1.jacobian_pb2 import EvaluateRequest, EvaluateResponse
from raphson.vectors import direction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from raphson.jacobian_argument import JacobianArgument


class Differentiating(Calls):
    """Evaluates and differentiates systems at points."""

    def value(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate f(x).

        Parameters
        ----------
        equations, at, parameters
            As `solve` takes equations, start and parameters; m and n may differ.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        ndarray of float64, shape (m,)
            Left minus right side of each equation.
        """
        reply = self._evaluate(equations, at, parameters, "exact", timeout_seconds, value=True)
        return from_message(reply.value)

    def jacobian(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate the Jacobian.

        Parameters
        ----------
        equations, at, parameters
            As `solve` takes equations, start and parameters; m and n may differ.
        method : {"exact", "forward", "central", "analytic"}, nested list or mapping
            Where derivatives come from, as `solve` takes `jacobian`.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        ndarray of float64, shape (m, n)
            ∂f_i/∂x_j, the unknowns flattened in order.
        """
        reply = self._evaluate(equations, at, parameters, method, timeout_seconds, matrix=True)
        return from_message(reply.matrix)

    def jvp(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        v: Mapping[str, ArrayLike] | ArrayLike,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate J·v without forming J.

        Parameters
        ----------
        equations, at, parameters, method, timeout_seconds
            As in `jacobian`.
        v : array-like of shape (n,), or mapping of str to array-like
            A direction: one number an unknown.

        Returns
        -------
        ndarray of float64, shape (m,)
        """
        reply = self._evaluate(equations, at, parameters, method, timeout_seconds, v=v)
        return from_message(reply.jvp)

    def vjp(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        v: ArrayLike,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate vᵀ·J without forming J.

        Parameters
        ----------
        equations, at, parameters, method, timeout_seconds
            As in `jacobian`.
        v : array-like of shape (m,)
            One number an equation.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        reply = self._evaluate(equations, at, parameters, method, timeout_seconds, vjp=to_array(v, "v"))
        return from_message(reply.vjp)

    def determinant(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        timeout_seconds: float | None = None,
    ) -> Determinant:
        """Evaluate det J; the system must have as many equations as unknowns.

        Parameters
        ----------
        equations, at, parameters, method, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        Determinant
            Its sign and logarithm, and its value.
        """
        reply = self._evaluate(equations, at, parameters, method, timeout_seconds, determinant=True)
        return Determinant(reply.determinant.sign, reply.determinant.log_abs)

    # --- inside
    def _evaluate(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None,
        method: JacobianArgument,
        timeout_seconds: float | None,
        *,
        v: Mapping[str, ArrayLike] | ArrayLike | None = None,
        vjp: Array | None = None,
        value: bool = False,
        matrix: bool = False,
        determinant: bool = False,
    ) -> EvaluateResponse:
        problem = to_problem(equations, at, parameters, method, point_field="at", jacobian_field="method")
        request = EvaluateRequest(
            mode=int(problem.mode),  # type: ignore[arg-type]
            value=value,
            matrix=matrix,
            determinant=determinant,
        )
        write_named(problem.point, request.at, "at")
        write_named(problem.parameters, request.parameters, "parameters")
        # A scalar counts as a vector of one.
        if v is not None:
            write(np.atleast_1d(direction(v, problem)), request.jvp, "v")
        if vjp is not None:
            write(np.atleast_1d(vjp), request.vjp, "v")
        return self._send(self._transport.evaluate, request, problem, self._deadline(timeout_seconds))
