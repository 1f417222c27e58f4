"""The client: NumPy in, one call to a server, NumPy out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from raphson.arrays import Array, from_message, to_array, write, write_named
from raphson.determinant import Determinant
from raphson.errors import InvalidRequestError, SystemNotFoundError
from raphson.known_systems import KnownSystems
from raphson.options import to_deadline, write_options
from raphson.problem import Equations, Parameters, Point, Problem, to_problem
from raphson.replies import to_compiled
from raphson.solution import Solution
from raphson.v1.jacobian_pb2 import EvaluateRequest, EvaluateResponse
from raphson.v1.solver_pb2 import SolveRequest, SolveResponse
from raphson.v1.system_pb2 import CompileRequest, SystemRef
from raphson.vectors import direction, zeros_of
from raphson.vocabulary import Method, MethodName, to_method

if TYPE_CHECKING:
    from types import TracebackType

    from grpc import UnaryUnaryMultiCallable
    from numpy.typing import ArrayLike

    from raphson.compiled import CompiledSystem
    from raphson.embedded import EmbeddedServer
    from raphson.jacobian_argument import JacobianArgument
    from raphson.transport import Transport

# A reply needs this long after the iteration's own time limit, text compiled on the way included.
REPLY_SECONDS = 5.0

Request = TypeVar("Request", SolveRequest, EvaluateRequest)
Reply = TypeVar("Reply", SolveResponse, EvaluateResponse)


class Client:
    """Solves and differentiates systems of equations on one server; made by `raphson.connect`.

    Wherever `equations` are asked for, give one or several equations as text, a Python function of NumPy code
    that returns the residuals (traced at each call; `compile` it to trace it once), or a `CompiledSystem`.
    A text is sent once; later calls send its id by themselves.

    Threads may share a client. A forked process must connect again.

    Attributes
    ----------
    timeout_seconds : float
        Deadline of each call, unless the call says otherwise.
    """

    def __init__(
        self, transport: Transport, *, timeout_seconds: float = 60.0, server: EmbeddedServer | None = None
    ) -> None:
        self.timeout_seconds = to_deadline(timeout_seconds)
        self._transport = transport
        self._server = server
        self._known = KnownSystems()

    # --- life
    @property
    def address(self) -> str:
        """Where the server listens."""
        return self._transport.address

    def close(self) -> None:
        """Drop the connection, and stop the embedded server if there is one. Closing again does nothing."""
        self._transport.close()
        if self._server is not None:
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "embedded server" if self._server is not None else "server"
        state = ", closed" if self._transport.is_closed else ""
        return f"<raphson client of the {where} at {self.address}{state}>"

    # --- solving
    def solve(
        self,
        equations: Equations,
        start: Point,
        parameters: Parameters | None = None,
        *,
        method: MethodName | Method = "auto",
        jacobian: JacobianArgument = "exact",
        tolerance: float | None = None,
        absolute_tolerance: float | None = None,
        max_iterations: int | None = None,
        timeout_seconds: float | None = None,
        return_jacobian: bool = False,
    ) -> Solution:
        """Find x with f(x) = 0.

        Parameters
        ----------
        equations : str, sequence of str, callable or CompiledSystem
            As many equations as unknowns.
        start : mapping of str to array-like, or array-like
            Where to begin: name → number or array. A plain array goes to a function's first argument, or is
            all n unknowns of a compiled system in order.
        parameters : mapping of str to array-like, optional
            What is given.
        method : {"auto", "newton", "line_search", "levenberg_marquardt"}
            How to iterate.
        jacobian : {"exact", "forward", "central", "analytic"}, nested list or mapping
            Where derivatives come from; or m rows of n expressions; or ``{(equation, unknown): expression}``
            of the entries that are not zero.
        tolerance, absolute_tolerance : float, optional
            An equation is solved when |f| is at most `tolerance` times the size of the terms that cancel in
            it, or at most `absolute_tolerance`. The server's defaults are 1e-12 and 1e-30.
        max_iterations : int, optional
            The server's default is 1000.
        timeout_seconds : float, optional
            Seconds of iteration after which the best point so far is returned. Default: the call's deadline
            alone.
        return_jacobian : bool
            Whether to return the Jacobian at the returned point.

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
        problem = to_problem(equations, start, parameters, jacobian)
        request = SolveRequest()
        write_named(problem.point, request.start, "start")
        write_named(problem.parameters, request.parameters, "parameters")
        write_options(
            request.options,
            to_method(method),
            problem.mode,
            tolerance=tolerance,
            absolute_tolerance=absolute_tolerance,
            max_iterations=max_iterations,
            timeout_seconds=timeout_seconds,
            return_jacobian=return_jacobian,
        )
        deadline = self.timeout_seconds
        if timeout_seconds is not None:
            deadline = max(deadline, request.options.timeout_seconds + REPLY_SECONDS)
        return Solution(self._send(self._transport.solve, request, problem, deadline))

    def compile(
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
        if (start is None) == (variables is None):
            description = "expected either start or variables, to know the names of the unknowns"
            raise InvalidRequestError.at("start", description)
        point = start if start is not None else zeros_of(variables, "variables")
        given = parameters
        if given is not None and not isinstance(given, Mapping):
            given = zeros_of(given, "parameters")
        problem = to_problem(equations, point, given, jacobian)
        request = CompileRequest(definition=problem.definition.to_message())
        reply = self._transport.send(self._transport.compile, request, self._deadline(timeout_seconds))
        return to_compiled(reply, problem.definition, problem.fixed)

    # --- differentiating
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

    # --- sending
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

    def _send(
        self,
        method: UnaryUnaryMultiCallable[Request, Reply],
        request: Request,
        problem: Problem,
        timeout_seconds: float,
    ) -> Reply:
        """Send by id if the server is believed to know it; by text if not, or if it turns out not to."""
        key = problem.system_id or problem.definition
        system_id = self._known.find(key) or problem.system_id
        if system_id:
            request.system.system_id = system_id
            try:
                return self._transport.send(method, request, timeout_seconds)
            except SystemNotFoundError:
                self._known.forget(key)
        request.system.CopyFrom(SystemRef(definition=problem.definition.to_message()))
        reply = self._transport.send(method, request, timeout_seconds)
        if reply.system_id != problem.system_id:
            self._known.remember(key, reply.system_id)
        return reply

    def _deadline(self, timeout_seconds: float | None) -> float:
        return self.timeout_seconds if timeout_seconds is None else to_deadline(timeout_seconds)
