"""The client: NumPy in, one call to a server, NumPy out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from raphson.batch_solving import BatchSolving
from raphson.composing import Composing
from raphson.differentiating import Differentiating
from raphson.examining import Examining
from raphson.measuring import Measuring
from raphson.problem import to_shaped_problem
from raphson.searching import Searching
from raphson.solving import Solving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from raphson.compiled import CompiledSystem
    from raphson.embedded import EmbeddedServer
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point
    from raphson.transport import Transport


class Client(Solving, BatchSolving, Searching, Differentiating, Measuring, Composing, Examining):
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
        super().__init__(transport, timeout_seconds=timeout_seconds)
        self._server = server

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

    # --- compiling
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
        problem = to_shaped_problem(equations, start, variables, parameters, jacobian)
        return self._compile(problem, self._deadline(timeout_seconds))
