"""What a client offers to find one root, and to say why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from raphson.arrays import to_array, write, write_named
from raphson.calling_back import CallingBack, log
from raphson.choice import CalledBack, choose
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.evidence_request import without_tables, write_evidence
from raphson.explanation import Explanation, to_explanation
from raphson.offering import offered
from raphson.options import write_options
from raphson.problem import Equations, Parameters, Point, Problem, to_problem, to_shaped_problem
from raphson.progress import progress_line
from raphson.region import Bounds, Nominal, write_bounds, write_nominal
from raphson.registered import given
from raphson.solution import How, Solution
from raphson.trace.function import name_of
from raphson.v1.solver_pb2 import CallbackOpening, ExplainRequest, SolveRequest
from raphson.vocabulary import LinearSolver, LinearSolverName, Method, MethodName, to_linear_solver, to_method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from raphson.jacobian_argument import JacobianArgument
    from raphson.solve_progress import SolveProgress

# A reply needs this long after the iteration's own time limit, text compiled on the way included.
REPLY_SECONDS = 5.0


class _Evidence(TypedDict):
    """What a caller wants beside the root."""

    trace: bool
    explain: bool
    certify: bool
    sensitivity: bool
    adjoint: Mapping[str, ArrayLike] | ArrayLike | None
    parameter_covariance: ArrayLike | None


class Solving(CallingBack):
    """Solves systems from a start, and explains what is wrong with them."""

    @offered
    async def solve(
        self,
        equations: Equations | None = None,
        start: Point | None = None,
        parameters: Parameters | None = None,
        *,
        system: str | None = None,
        bounds: Bounds | None = None,
        nominal: Nominal | None = None,
        nominal_residual: ArrayLike | None = None,
        method: MethodName | Method = "auto",
        jacobian: JacobianArgument | Callable[..., Any] = "exact",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        max_evaluations: int | None = None,
        timeout_seconds: float | None = None,
        callback: bool | None = None,
        vectorized: bool = False,
        whole: bool = False,
        linear_solver: LinearSolverName | LinearSolver = "auto",
        return_jacobian: bool = False,
        trace: bool = False,
        explain: bool = False,
        certify: bool = False,
        sensitivity: bool = False,
        adjoint: Mapping[str, ArrayLike] | ArrayLike | None = None,
        parameter_covariance: ArrayLike | None = None,
        progress: bool | Callable[[SolveProgress], object] = False,
    ) -> Solution:
        """Find x with f(x) = 0; with more equations than unknowns, where the sum of squares is least.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            With fewer of them than unknowns, a root near the start is looked for. A function is traced; one that cannot
            be is called here, at the points that the server asks for, and what it raises comes out as it is.
            `Solution.how` says which, and `Solution.why_called_back` why.
        start : mapping of str to array-like, or array-like
            Where to begin: name → number or array. A plain array goes to a function's first argument, or is
            all n unknowns of a compiled system in order.
        parameters : mapping of str to array-like, optional
            What is given.
        system : str, optional
            The name of a function that the server's operator has registered, in place of equations; see `systems`.
        bounds : mapping of str to (lower, upper), or such a pair for all unknowns, optional
            Where x stays, at every evaluation of f. A side is a number, an array of the variable's shape, or
            None; of a pair for all unknowns, a number or n of them in order. The start must be inside.
        nominal : mapping of str to array-like, or array-like of shape (n,), optional
            How large the unknowns are, about, in their units, above 0. Default: as at the start.
        nominal_residual : array-like of shape (m,), optional
            How large each residual is, about, in its equation's unit, above 0. It weighs equations in steps, and
            chooses the least-squares point; whether a point is a root does not depend on it.
        method : Method or its name, such as "auto" or "trust_region"
            How to iterate; "pseudo_transient" and "broyden" need as many equations as unknowns, "bracketing" one of
            each.
        jacobian : {"exact", "forward", "central", "analytic"}, nested list, mapping or callable
            Where derivatives come from; or m rows of n expressions; or ``{(equation, unknown): expression}``
            of the entries that are not zero; or, of a function, another one with the same arguments that returns J,
            shape (m, n), and both are called.
        tolerance, absolute_tolerance : float, optional
            An equation is solved when |f| is at most `tolerance` times the size of the terms that cancel in
            it, or at most `absolute_tolerance`. The server's defaults are 1e-12 and 1e-30.
        max_iterations : int, optional
            Newton steps over all attempts. The server's default is 2000.
        max_evaluations : int, optional
            Evaluations of f, those for differences included. Default: no limit.
        timeout_seconds : float, optional
            Seconds of iteration after which the best point so far is returned. Default: the call's deadline
            alone; of a function that is called, the client's `timeout_seconds`, what it takes itself included.
        callback : bool, optional
            Whether a function is called and never traced; False: never called but to trace it. Default: called if it
            cannot be traced. Called functions have the methods "auto", "trust_region" and "newton", derivatives by
            differences or `jacobian`, and no evidence that needs equations.
        vectorized : bool
            Whether a function that is called takes k points at once: each variable with a first dimension more,
            (k, *shape); and returns (k, m).
        whole : bool
            Whether to solve the system as a whole, not block by block where its pattern allows.
        linear_solver : str or LinearSolver
            How linear systems with J are solved: ``"dense"``, ``"direct"`` (sparse factors), ``"krylov"`` (GMRES with
            multigrid or incomplete factors), or as its size and pattern suggest. `Solution.linear_solver` says how.
        return_jacobian : bool
            Whether to return the Jacobian at the returned point; of a function that is called, as
            the steps have left it.
        trace : bool
            Whether to return every step, in `Solution.trace`.
        explain : bool
            Whether to say what is wrong, in `Solution.explanation`, if it is not solved.
        certify : bool
            Whether to prove that a box holds exactly one root, in `Solution.certificate`; needs m = n.
        sensitivity : bool
            Whether to return dx/dp, shape (n, k), in `Solution.sensitivity`; needs m = n.
        adjoint : mapping of str to array-like, or array-like of shape (n,), optional
            w: asks for wᵀ·dx/dp, shape (k,), in `Solution.adjoint`, at the cost of one transposed solve.
        parameter_covariance : array-like of shape (k, k) or (k,), optional
            Covariance of the k free parameters, or their standard deviations: asks for the covariance of x to
            first order, in `Solution.covariance` and `Solution.standard_deviations`.
        progress : bool or callable
            Whether to show on standard error, by tqdm, how far a long solve has come; or what is told a `SolveProgress`
            about every 0.1 s. An error that it raises cancels the solve.

        Returns
        -------
        Solution
            Converged or not; `Solution.status` says which.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; `fields` say where.
        RaphsonError
            If no answer came.
        """
        equations = await self._named(equations, system)
        given(start, "start")
        assert start is not None
        evidence: _Evidence = {
            "trace": trace,
            "explain": explain,
            "certify": certify,
            "sensitivity": sensitivity,
            "adjoint": adjoint,
            "parameter_covariance": parameter_covariance,
        }
        # A traced function's constants are no parameters where sensitivities are counted by parameters.
        counts = sensitivity or adjoint is not None or parameter_covariance is not None
        choice = choose(equations, start, parameters, jacobian, callback, vectorized, with_coefficients=not counts)
        request: SolveRequest | CallbackOpening
        request = SolveRequest() if isinstance(choice, Problem) else CallbackOpening()
        write_options(
            request.options,
            to_method(method),
            choice.mode,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
            max_evaluations=max_evaluations,
            timeout_seconds=timeout_seconds,
            return_jacobian=return_jacobian,
            whole=whole,
            linear_solver=to_linear_solver(linear_solver),
        )
        if bounds is not None:
            write_bounds(bounds, choice.variables, request.bounds)
        if nominal is not None:
            write_nominal(nominal, choice.variables, request.nominal)
        if nominal_residual is not None:
            sizes = np.atleast_1d(to_array(nominal_residual, "nominal_residual"))
            write(sizes, request.nominal_residual, "nominal_residual")
        if isinstance(request, CallbackOpening):
            assert isinstance(choice, CalledBack)
            choice.refuse(evidence)
            write_named(choice.box.start, request.start, "start")
            request.has_jacobian = choice.box.jacobian is not None
            limit = self._deadline(timeout_seconds)
            log.debug("%s is called back: %s", name_of(choice.box.function), choice.why)
            return Solution(await self._solve_callback(choice.box, request, limit), "callback", choice.why)
        assert isinstance(choice, Problem)
        write_named(choice.point, request.start, "start")
        write_named(choice.parameters, request.parameters, "parameters")
        write_evidence(request.evidence, choice, **evidence)
        deadline = self.timeout_seconds
        if timeout_seconds is not None:
            deadline = max(deadline, request.options.timeout_seconds + REPLY_SECONDS)
        if progress is False:
            reply = await self._send(self._transport.solve, request, choice, deadline)
        elif progress is True:
            with progress_line() as show:
                reply = await self._solve_watched(request, choice, deadline, show)
        elif callable(progress):
            reply = await self._solve_watched(request, choice, deadline, progress)
        else:
            message = f"{progress!r} is neither True nor False nor a function of one argument"
            raise InvalidRequestError.at("progress", message)
        how: How = "registered" if choice.registered else "traced" if callable(equations) else "equations"
        return Solution(without_tables(reply, choice), how)

    @offered
    async def explain(
        self,
        equations: Equations,
        at: Point | None = None,
        parameters: Parameters | Sequence[str] | None = None,
        *,
        variables: Mapping[str, Sequence[int]] | Sequence[str] | None = None,
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Explanation:
        """Say what is wrong with a system: by its pattern alone, or, with a point, also by what f and J are there.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            m and n may differ.
        at : mapping of str to array-like, or array-like, optional
            A point, such as a start or where an iteration ended. Without it the pattern alone is explained: which
            equations contain too few unknowns, and which unknowns too few equations.
        parameters : mapping of str to array-like, optional
            What is given; names alone will do without a point.
        variables : mapping of str to tuple of int, or sequence of str, optional
            Names and shapes of the unknowns where there is no point to tell them; names alone stand for scalars.
            A compiled system knows its own.
        bounds : mapping of str to (lower, upper), or such a pair for all unknowns, optional
            As in `solve`: unknowns that stand at them are named.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        Explanation
            Prints in sentences, the most telling first.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; `fields` say where.
        RaphsonError
            If no answer came.
        """
        problem = _to_explain(equations, at, parameters, variables)
        request = ExplainRequest()
        if at is not None:
            write_named(problem.point, request.at, "at")
            write_named(problem.parameters, request.parameters, "parameters")
        if bounds is not None:
            write_bounds(bounds, problem.definition.variables, request.bounds)
        deadline = self._deadline(timeout_seconds)
        return to_explanation(await self._send(self._transport.explain, request, problem, deadline))


def _to_explain(
    equations: Equations,
    at: Point | None,
    parameters: Parameters | Sequence[str] | None,
    variables: Mapping[str, Sequence[int]] | Sequence[str] | None,
) -> Problem:
    if at is None and variables is None and isinstance(equations, CompiledSystem):
        return to_problem(equations, {}, None, "exact", point_field="at")
    return to_shaped_problem(equations, at, variables, parameters, point_field="at")
