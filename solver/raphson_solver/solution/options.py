"""What a caller may choose of a solve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raphson_solver.engine.status import JacobianMode, Method
from raphson_solver.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class SolveOptions:
    """Options of one solve.

    Attributes
    ----------
    method : Method
        How to iterate.
    jacobian : JacobianMode
        Where derivatives come from.
    tolerance : float
        An equation is solved when |f| is at most this times the size of the terms that cancel in it;
        dimensionless, above 0 and below 1.
    absolute_tolerance : float
        … or when |f| is at most this, in the equation's unit; at least 0.
    max_iterations : int
        Newton steps over all attempts; at least 1.
    timeout_seconds : float, optional
        Seconds after which the best point so far is returned; above 0. None: no limit.
    """

    method: Method = Method.AUTO
    jacobian: JacobianMode = JacobianMode.EXACT
    tolerance: float = 1e-12
    absolute_tolerance: float = 1e-30
    max_iterations: int = 1000
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.tolerance < 1.0:
            raise InputError("options.tolerance", f"expected a number above 0 and below 1, found {self.tolerance!r}")
        if not 0.0 <= self.absolute_tolerance < math.inf:
            raise InputError(
                "options.absolute_tolerance",
                f"expected a number of at least 0, found {self.absolute_tolerance!r}",
            )
        if not 1 <= self.max_iterations < 2**62:
            raise InputError(
                "options.max_iterations",
                f"expected a whole number of at least 1, found {self.max_iterations!r}",
            )
        if self.timeout_seconds is not None and not self.timeout_seconds > 0.0:
            raise InputError(
                "options.timeout_seconds",
                f"expected seconds above 0, or None, found {self.timeout_seconds!r}",
            )
