"""What a caller wants beside the root, written for the wire, and read in terms of the caller's parameters alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message, to_array, write
from raphson.problem import coefficients_of
from raphson.vectors import direction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from raphson.problem import Problem
    from raphson.v1.solver_pb2 import EvidenceRequest, SolveResponse


def write_evidence(
    message: EvidenceRequest,
    problem: Problem,
    *,
    trace: bool,
    explain: bool,
    certify: bool,
    sensitivity: bool,
    adjoint: Mapping[str, ArrayLike] | ArrayLike | None,
    parameter_covariance: ArrayLike | None,
) -> None:
    """Write what is asked for; what is not leaves no trace in the request.

    Raises
    ------
    InvalidRequestError
        If `adjoint` or `parameter_covariance` holds no numbers.
    """
    if trace:
        message.trace = True
    if explain:
        message.explanation = True
    if certify:
        message.certificate = True
    if sensitivity:
        message.sensitivity = True
    # A scalar counts as a vector of one.
    if adjoint is not None:
        write(np.atleast_1d(direction(adjoint, problem, "adjoint")), message.adjoint, "adjoint")
    if parameter_covariance is not None:
        field = "parameter_covariance"
        covariance = np.atleast_1d(to_array(parameter_covariance, field))
        # Constants vary with nothing.
        covariance = np.pad(covariance, (0, _table_numbers(problem)))
        write(covariance, message.parameter_covariance, field)


def without_tables(reply: SolveResponse, problem: Problem) -> SolveResponse:
    """Take the constants of a compiled function out of what a reply counts by parameters; they come last."""
    count = _table_numbers(problem)
    if count:
        for message in (reply.sensitivity, reply.adjoint):
            if message.data:
                array = from_message(message)[..., :-count]
                del message.shape[:]
                write(array, message, "reply")
        del reply.parameter_elements[-count:]
    return reply


def _table_numbers(problem: Problem) -> int:
    return sum(table.size for table in coefficients_of(problem.tables).values()) if problem.tables else 0
