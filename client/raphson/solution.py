"""What a solve returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from raphson import plot
from raphson.active_bound import to_active_bounds
from raphson.arrays import WIRE, from_message, to_bytes
from raphson.certificate import to_certificate
from raphson.display import describe
from raphson.errors import IncompatibleServerError
from raphson.explanation import to_explanation
from raphson.trace_step import to_trace_step
from raphson.unknowns import unknown_names
from raphson.vocabulary import Method, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

    from raphson.active_bound import ActiveBound
    from raphson.arrays import Array, Shape
    from raphson.certificate import Certificate
    from raphson.explanation import Explanation
    from raphson.trace_step import TraceStep
    from raphson.v1.solver_pb2 import SolveResponse

How = Literal["equations", "registered", "traced", "callback"]

# Members by number: looking one up costs a tenth of calling the enumeration.
STATUSES = {int(member): member for member in Status}
METHODS = {int(member): member for member in Method}


class Solution:
    """The point that an iteration ended at, and the evidence for it.

    ``solution["x"]`` is the value of one variable: a float, or an array of the variable's shape. Nothing can be
    changed: arrays are read-only views of the server's reply, read when they are asked for.

    Parameters
    ----------
    reply : SolveResponse
        What the server said.
    how, why_called_back : str
        How the function got there.

    Raises
    ------
    IncompatibleServerError
        If it has a status or a method that this client does not know.
    """

    __slots__ = ("_reply", "_x", "how", "method", "status", "why_called_back")

    status: Status
    """How the iteration ended."""
    method: Method
    """The method that reached the point."""
    how: How
    """How the function got to the server: "equations" (text, or a compiled system), "registered" there, "traced", or
    "callback", where the server asked for its values."""
    why_called_back: str
    """Why a function was not traced, where it was not; else empty."""
    _reply: SolveResponse
    _x: Array | None

    def __init__(self, reply: SolveResponse, how: How = "equations", why_called_back: str = "") -> None:
        status, method = STATUSES.get(reply.status), METHODS.get(reply.method)
        if status is None or method is None:
            raise IncompatibleServerError(
                f"the server answered status {reply.status} and method {reply.method}; this client knows not both"
            )
        keep = object.__setattr__
        keep(self, "_reply", reply)
        keep(self, "_x", None)
        keep(self, "how", how)
        keep(self, "why_called_back", why_called_back)
        keep(self, "status", status)
        keep(self, "method", method)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a solution is frozen: {name} cannot be set")

    def __reduce__(self) -> tuple[type[Solution], tuple[SolveResponse, How, str]]:
        return Solution, (self._reply, self.how, self.why_called_back)

    # --- the outcome
    @property
    def converged(self) -> bool:
        """Whether the scaled residual passes at `x`."""
        return self.status is Status.CONVERGED

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return self._reply.message

    @property
    def remedy(self) -> str:
        """What to try next; empty when converged."""
        return self._reply.remedy

    # --- the point
    @property
    def x(self) -> Array:
        """The returned point, shape (n,): all variables, flattened in order."""
        known = self._x
        if known is None:
            data = b"".join([to_bytes(variable.array) for variable in self._reply.solution])
            known = np.frombuffer(data, dtype=WIRE)
            object.__setattr__(self, "_x", known)
        return known

    @property
    def variables(self) -> tuple[tuple[str, Shape], ...]:
        """Names and shapes, in the order of `x`."""
        return tuple([(variable.name, tuple(variable.array.shape)) for variable in self._reply.solution])

    @property
    def unknown_names(self) -> tuple[str, ...]:
        """A name for each number of `x`: ``x``, ``u[3]``, ``A[1,2]``."""
        return unknown_names(self.variables)

    def __getitem__(self, name: str) -> float | Array:
        first = 0
        for known, shape in self.variables:
            last = first + math.prod(shape)
            if known == name:
                return self.x[first:last].reshape(shape) if shape else float(self.x[first])
            first = last
        raise KeyError(f"{name!r} is not a variable; the variables are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (variable.name for variable in self._reply.solution)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def keys(self) -> tuple[str, ...]:
        """Return the variables' names, so that ``dict(solution)`` works."""
        return tuple(self)

    # --- the evidence
    @property
    def residual(self) -> Array:
        """f(x), shape (m,): left minus right side of each equation, in its own unit."""
        return np.frombuffer(to_bytes(self._reply.residual), dtype=WIRE)

    @property
    def scaled_residual(self) -> Array:
        """|f| of each equation divided by the size of the terms that cancel in it, shape (m,)."""
        return np.frombuffer(to_bytes(self._reply.scaled_residual), dtype=WIRE)

    @property
    def residual_norm(self) -> float:
        """The largest |f|."""
        return self._reply.residual_norm

    @property
    def jacobian(self) -> Array | None:
        """The Jacobian at `x`, shape (m, n), if it was asked for."""
        return from_message(self._reply.jacobian) if self._reply.HasField("jacobian") else None

    @property
    def active_bounds(self) -> tuple[ActiveBound, ...]:
        """Elements of variables that stand at a bound."""
        return to_active_bounds(self._reply.active_bounds)

    @property
    def trace(self) -> list[TraceStep]:
        """Every step, if asked for; else empty."""
        return [to_trace_step(step) for step in self._reply.trace]

    @property
    def explanation(self) -> Explanation | None:
        """What is wrong, if it was asked for and the system is not solved."""
        return to_explanation(self._reply.explanation) if self._reply.HasField("explanation") else None

    @property
    def certificate(self) -> Certificate | None:
        """A box that holds exactly one root, or why none is proven; if asked for and converged."""
        return to_certificate(self._reply.certificate) if self._reply.HasField("certificate") else None

    @property
    def sensitivity(self) -> Array | None:
        """dx/dp, shape (n, k), if asked for and converged; `parameter_elements` names the columns."""
        return from_message(self._reply.sensitivity) if self._reply.HasField("sensitivity") else None

    @property
    def parameter_elements(self) -> tuple[str, ...]:
        """What the k columns of `sensitivity` are: ``r``, ``W[1,2]``."""
        return tuple(self._reply.parameter_elements)

    @property
    def adjoint(self) -> Array | None:
        """wᵀ·dx/dp, shape (k,), if asked for and converged."""
        return from_message(self._reply.adjoint) if self._reply.HasField("adjoint") else None

    @property
    def covariance(self) -> Array | None:
        """Covariance of `x` to first order, shape (n, n), if asked for and converged."""
        return from_message(self._reply.covariance) if self._reply.HasField("covariance") else None

    @property
    def standard_deviations(self) -> Array | None:
        """Standard deviations of `x` to first order, shape (n,), if its covariance was asked for and it converged."""
        covariance = self.covariance
        # Rounding can leave a variance of zero just below it.
        return None if covariance is None else np.sqrt(np.maximum(np.diagonal(covariance), 0.0))

    @property
    def evidence_note(self) -> str:
        """Why a certificate or sensitivities that were asked for are not there; empty if they are."""
        return self._reply.evidence_note

    # --- the effort
    @property
    def iterations(self) -> int:
        """Newton steps taken, over all attempts."""
        return self._reply.iterations

    @property
    def evaluations(self) -> int:
        """Evaluations of f, those for finite differences included."""
        return self._reply.evaluations

    @property
    def linear_solver(self) -> str:
        """How linear systems with J were solved, in a few words."""
        return self._reply.linear_solver

    @property
    def jacobian_evaluations(self) -> int:
        """Evaluations of the Jacobian."""
        return self._reply.jacobian_evaluations

    @property
    def regularized_steps(self) -> int:
        """Steps at which J was singular, so that the shortest least-squares step was taken instead of Newton's."""
        return self._reply.regularized_steps

    @property
    def elapsed_seconds(self) -> float:
        """Time spent iterating, without parsing, compiling or transport."""
        return self._reply.elapsed_seconds

    @property
    def system_id(self) -> str:
        """Id of the system solved."""
        return self._reply.system_id

    def plot_convergence(self, path: str | Path | None = None) -> Figure:
        """Draw how the iteration went; see `raphson.plot.convergence`. Needs ``trace=True`` and matplotlib.

        Parameters
        ----------
        path : str or Path, optional
            Where to write the picture, in the format that its ending says.

        Raises
        ------
        ValueError
            If the trace was not asked for.
        ModuleNotFoundError
            If matplotlib is not installed.
        """
        return plot.convergence(self.trace, path)

    def __repr__(self) -> str:
        return describe(self)
