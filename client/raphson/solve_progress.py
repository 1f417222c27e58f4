"""How far a solve has come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson.errors import IncompatibleServerError
from raphson.vocabulary import Method

if TYPE_CHECKING:
    from raphson.v1 import solver_pb2

METHODS = {int(member): member for member in Method}


@dataclass(frozen=True, slots=True)
class SolveProgress:
    """Where a solve stands after an iteration; prints as one line.

    Attributes
    ----------
    iteration : int
        Newton steps so far, over all attempts.
    residual_norm : float
        The largest |f|, in the equations' units; of the block at work, where blocks are solved one after another.
    scaled_residual : float
        The largest |f| over the size of the terms that cancel in it; dimensionless.
    elapsed_seconds : float
        Since the iteration began.
    linear_seconds : float
        Of these, seconds spent on linear systems: factors, and what is solved by them. NaN where nobody measures it, as
        for systems that are small enough for dense matrices.
    method : Method
        Of the attempt.
    linear_solver : str
        How linear systems are solved, such as "dense LU" or "sparse LU".
    """

    iteration: int
    residual_norm: float
    scaled_residual: float
    elapsed_seconds: float
    linear_seconds: float
    method: Method
    linear_solver: str

    def __str__(self) -> str:
        method = self.method.name.lower().replace("_", " ")
        spent = "" if math.isnan(self.linear_seconds) else f" {self.linear_seconds:.1f} s"
        return (
            f"{method}, {self.iteration} iteration{'' if self.iteration == 1 else 's'}: largest |f| "
            f"{self.residual_norm:.3g}, scaled {self.scaled_residual:.2g}; {self.elapsed_seconds:.1f} s "
            f"({self.linear_solver}{spent})"
        )


def to_solve_progress(message: solver_pb2.SolveProgress) -> SolveProgress:
    """Read it.

    Raises
    ------
    IncompatibleServerError
        If it is of a method that this client does not know.
    """
    method = METHODS.get(message.method)
    if method is None:
        raise IncompatibleServerError(f"the server tells of method {message.method}, which is not known here")
    return SolveProgress(
        iteration=message.iteration,
        residual_norm=message.residual_norm,
        scaled_residual=message.scaled_residual,
        elapsed_seconds=message.elapsed_seconds,
        linear_seconds=message.linear_seconds if message.HasField("linear_seconds") else math.nan,
        method=method,
        linear_solver=message.linear_solver,
    )
