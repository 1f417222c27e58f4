"""What is known of a problem before f is asked for the first time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.status import JacobianMode, Method
from raphson_solver.errors import InputError
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.region import Bounds

Array = NDArray[np.float64]

METHODS = (Method.AUTO, Method.TRUST_REGION, Method.NEWTON)
# As MINPACK's hybrd has it.
_EVALUATIONS_A_VARIABLE = 200


# No slots: with them a frozen class is pickled field by field in Python, every turn.
@dataclass(frozen=True, kw_only=True, eq=False)
class CallbackProblem:
    """Where to begin, and how.

    Attributes
    ----------
    start : ndarray, shape (n,)
        Finite, inside the bounds.
    options : SolveOptions
        `method` is auto, trust_region or newton; `jacobian` is exact, which stands for analytic where the caller has a
        Jacobian and forward where not, or forward, central or analytic. `max_evaluations` is 200 (n + 1) by default.
    bounds : Bounds, optional
        f is never asked outside.
    nominal : ndarray, shape (n,), optional
        How large the variables are, about, in their units; 0 where that is not known.
    nominal_residual : ndarray, shape (m,), optional
        How large the residuals are, about: what the steps weigh them by. Default: as they stand.
    has_jacobian : bool
        Whether the caller answers for J too.
    largest_block : int
        Points in a question at most; at least 1.

    Raises
    ------
    InputError
        For an option that callbacks do not have.
    """

    start: Array
    options: SolveOptions
    bounds: Bounds | None = None
    nominal: Array | None = None
    nominal_residual: Array | None = None
    has_jacobian: bool = False
    largest_block: int = 2**31

    def __post_init__(self) -> None:
        method, mode = self.options.method, self.options.jacobian
        if method not in METHODS:
            known = ", ".join(each.name.lower() for each in METHODS)
            raise InputError("options.method", f"{method.name.lower()} is not for callbacks; expected one of {known}")
        if mode is JacobianMode.COMPLEX_STEP:
            raise InputError(
                "options.jacobian", "complex_step is not for callbacks; expected forward, central or analytic"
            )
        if mode is JacobianMode.ANALYTIC and not self.has_jacobian:
            raise InputError(
                "options.jacobian", "analytic needs a Jacobian of the caller's; expected forward or central"
            )
        if self.bounds is not None:
            self.bounds.check_start(self.start)

    @property
    def n(self) -> int:
        """How many variables."""
        return self.start.size

    @property
    def mode(self) -> JacobianMode:
        """Where derivatives come from."""
        mode = self.options.jacobian
        if mode is JacobianMode.EXACT:
            return JacobianMode.ANALYTIC if self.has_jacobian else JacobianMode.FORWARD
        return mode

    @property
    def max_evaluations(self) -> int:
        """Evaluations of f at most."""
        limit = self.options.max_evaluations
        return _EVALUATIONS_A_VARIABLE * (self.n + 1) if limit is None else limit

    def inside(self, x: Array) -> Array:
        """Return the nearest point, or points, inside the bounds."""
        return x if self.bounds is None else np.clip(x, self.bounds.lower, self.bounds.upper)
