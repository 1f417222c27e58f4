"""What a client offers to examine derivatives: whether a caller's are right, and whether there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import to_array, write, write_named
from raphson.calls import Calls
from raphson.differentiability import Differentiability, to_differentiability
from raphson.jacobian_check import JacobianCheck, to_jacobian_check
from raphson.offering import offered
from raphson.options import to_count
from raphson.problem import to_problem
from raphson.v1.jacobian_pb2 import CheckJacobianRequest, TestDifferentiabilityRequest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point


class Examining(Calls):
    """Examines derivatives at a point."""

    @offered
    async def check_jacobian(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        jacobian: JacobianArgument = "analytic",
        *,
        max_entries: int | None = None,
        timeout_seconds: float | None = None,
    ) -> JacobianCheck:
        """Compare a Jacobian of your own with the exact one and with central differences.

        Parameters
        ----------
        equations, at, parameters
            As `solve` takes equations, start and parameters.
        jacobian : nested list or mapping
            Your expressions, as in `solve`. Default: those that a `CompiledSystem` was compiled with.
        max_entries : int, optional
            Entries to name at most. The server's default is 10.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        JacobianCheck
            Whether every entry agrees, and those that do not, worst first.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense, or there is no Jacobian to check.
        RaphsonError
            If no answer came.
        """
        problem = to_problem(equations, at, parameters, jacobian, point_field="at")
        request = CheckJacobianRequest()
        write_named(problem.point, request.at, "at")
        write_named(problem.parameters, request.parameters, "parameters")
        if max_entries is not None:
            request.max_entries = to_count(max_entries, "max_entries")
        deadline = self._deadline(timeout_seconds)
        return to_jacobian_check(await self._send(self._transport.check_jacobian, request, problem, deadline))

    @offered
    async def differentiability(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        *,
        value: ArrayLike | None = None,
        directions: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Differentiability:
        """Test whether f is differentiable at a point: whether ‖f(x + h) − f(x) − J·h‖ / ‖h‖ goes to 0 with h.

        Parameters
        ----------
        equations, at, parameters
            As `solve` takes equations, start and parameters.
        value : array-like of shape (m,), optional
            f at the point, where its formula has no value there, such as ``x*y/(x**2 + y**2)`` at 0.
        directions : int, optional
            Directions to try besides the axes. The server's default is 64.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        Differentiability
            The verdict, and the remainders along shrinking steps.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense.
        RaphsonError
            If no answer came.
        """
        problem = to_problem(equations, at, parameters, "exact", point_field="at")
        request = TestDifferentiabilityRequest()
        write_named(problem.point, request.at, "at")
        write_named(problem.parameters, request.parameters, "parameters")
        if value is not None:
            write(np.atleast_1d(to_array(value, "value")), request.value, "value")
        if directions is not None:
            request.directions = to_count(directions, "directions")
        deadline = self._deadline(timeout_seconds)
        found = await self._send(self._transport.test_differentiability, request, problem, deadline)
        return to_differentiability(found)
