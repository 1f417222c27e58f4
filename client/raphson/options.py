"""The arguments of a solve, checked and written for the wire."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING

from raphson.errors import InvalidRequestError

if TYPE_CHECKING:
    from raphson.v1.solver_pb2 import SolveOptions
    from raphson.vocabulary import JacobianMode, LinearSolver, Method

MOST_ITERATIONS = 2**63 - 1


def write_options(
    message: SolveOptions,
    method: Method,
    mode: JacobianMode,
    *,
    tolerance: float | None,
    absolute_tolerance: float | None,
    max_iterations: int | None,
    max_evaluations: int | None = None,
    timeout_seconds: float | None = None,
    return_jacobian: bool = False,
    whole: bool = False,
    linear_solver: LinearSolver | None = None,
) -> None:
    """Write the options into a request; None leaves the choice to the server."""
    message.method = int(method)  # type: ignore[assignment]
    message.jacobian = int(mode)  # type: ignore[assignment]
    if tolerance is not None:
        message.tolerance = to_number(tolerance, "options.tolerance")
    if absolute_tolerance is not None:
        message.absolute_tolerance = to_number(absolute_tolerance, "options.absolute_tolerance")
    if max_iterations is not None:
        message.max_iterations = to_count(max_iterations, "options.max_iterations")
    if max_evaluations is not None:
        message.max_evaluations = to_count(max_evaluations, "options.max_evaluations")
    if timeout_seconds is not None:
        message.timeout_seconds = to_deadline(timeout_seconds, "options.timeout_seconds")
    message.return_jacobian = bool(return_jacobian)
    message.whole = bool(whole)
    if linear_solver is not None:
        message.linear_solver = int(linear_solver)  # type: ignore[assignment]


def to_deadline(timeout_seconds: object, field: str = "timeout_seconds") -> float:
    """Read a time limit in seconds.

    Raises
    ------
    InvalidRequestError
        If it is not a finite number above zero.
    """
    if isinstance(timeout_seconds, numbers.Real) and not isinstance(timeout_seconds, bool):
        seconds = float(timeout_seconds)
        if 0 < seconds < math.inf:
            return seconds
    raise InvalidRequestError.at(field, f"{timeout_seconds!r} is not a time; expected finite seconds above 0")


def to_number(value: object, field: str) -> float:
    """Read a number, or refuse what is none."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    raise InvalidRequestError.at(field, f"{value!r} is not a number")


def to_count(value: object, field: str) -> int:
    """Read a whole number that the wire can hold, or refuse what is none."""
    if isinstance(value, numbers.Integral) and abs(int(value)) <= MOST_ITERATIONS:
        return int(value)
    raise InvalidRequestError.at(field, f"{value!r} is not a whole number")
