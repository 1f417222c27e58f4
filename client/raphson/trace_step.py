"""One step of an iteration, for those who want to see the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson.arrays import from_message
from raphson.errors import IncompatibleServerError
from raphson.vocabulary import Method

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.v1 import solver_pb2

METHODS = {int(member): member for member in Method}


@dataclass(frozen=True, eq=False, slots=True)
class TraceStep:
    """Where the iteration stood after a step; the first of an attempt is where it began.

    Attributes
    ----------
    method : Method
        Of the attempt.
    x : ndarray of float64, shape (n,)
        The point.
    residual_norm : float
        The largest |f|, in the equations' units.
    scaled_residual : float
        The largest |f| over the size of the terms that cancel in it; dimensionless.
    step : float
        How long Newton's step was that led here, relative to x; NaN where there was none.
    damping : float
        What the method did to it: the share of the step that was taken (Newton, line searches, Broyden), μ
        (Levenberg–Marquardt), the radius (trust region), or the pseudo-time (pseudo-transient); NaN without a step.
    """

    method: Method
    x: Array
    residual_norm: float
    scaled_residual: float
    step: float
    damping: float

    @property
    def is_start(self) -> bool:
        """Whether no step led here: an attempt begins."""
        return math.isnan(self.step) and math.isnan(self.damping)


def to_trace_step(message: solver_pb2.TraceStep) -> TraceStep:
    """Read a step.

    Raises
    ------
    IncompatibleServerError
        If it is of a method that this client does not know.
    """
    method = METHODS.get(message.method)
    if method is None:
        raise IncompatibleServerError(f"the server traced a step of method {message.method}, which is not known here")
    return TraceStep(
        method=method,
        x=from_message(message.x),
        residual_norm=message.residual_norm,
        scaled_residual=message.scaled_residual,
        step=message.step,
        damping=message.damping,
    )
