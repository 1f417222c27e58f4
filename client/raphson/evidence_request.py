"""What a caller wants beside the root, written for the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import to_array, write
from raphson.vectors import direction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from raphson.problem import Problem
    from raphson.v1.solver_pb2 import EvidenceRequest


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
        write(np.atleast_1d(to_array(parameter_covariance, field)), message.parameter_covariance, field)
