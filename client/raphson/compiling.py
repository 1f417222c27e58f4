"""What a client offers to compile a system before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson.calls import Calls
from raphson.offering import offered
from raphson.problem import to_shaped_problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raphson.compiled import CompiledSystem
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point


class Compiling(Calls):
    """Compiles systems."""

    @offered
    async def compile(
        self,
        equations: Equations,
        start: Point | None = None,
        parameters: Parameters | Sequence[str] | None = None,
        *,
        variables: Mapping[str, Sequence[int]] | Sequence[str] | None = None,
        jacobian: JacobianArgument = "exact",
        timeout_seconds: float | None = None,
    ) -> CompiledSystem:
        """Compile a system ahead of any solve.

        Parameters
        ----------
        equations : str, sequence of str or callable
            The system; m and n may differ.
        start : mapping of str to array-like, or array-like
            Names and shapes of the unknowns; the numbers do not matter.
        parameters : mapping of str to array-like, or sequence of str, optional
            Names and shapes of what is given, and the values of those used as a range or an index; names
            alone stand for scalars.
        variables : mapping of str to tuple of int, or sequence of str, optional
            Names and shapes of the unknowns, in place of `start`; names alone stand for scalars.
        jacobian : nested list or mapping, optional
            The caller's own expressions, as in `solve`.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        CompiledSystem
            A handle to give in place of `equations`.

        Raises
        ------
        InvalidRequestError
            If the definition is malformed.
        RaphsonError
            If no answer came.
        """
        problem = to_shaped_problem(equations, start, variables, parameters, jacobian)
        return await self._compile(problem, self._deadline(timeout_seconds))
