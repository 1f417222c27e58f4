"""Where a search ended, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.status import Method, Status

Array = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class CallbackSolution:
    """The returned point, with its evidence.

    Attributes
    ----------
    status : Status
        How it ended; ``status.message`` and ``status.remedy`` say more.
    x : ndarray, shape (n,)
        The returned point.
    residual : ndarray, shape (m,)
        f there; empty if f was never answered.
    scaled_residual : ndarray, shape (m,)
        |f| over the size that it is judged by; dimensionless.
    jacobian : ndarray, shape (m, n), or None
        What is known of J there: differences or the caller's, corrected by the secants since.
    iterations, evaluations, jacobian_evaluations : int
        Steps tried; points at which f was asked, those of differences included; Jacobians, the caller's or by
        differences.
    method : Method
        That reached the point.
    active_bounds : tuple of (int, str)
        The variables that stand at a bound: their places in x, and "lower" or "upper".
    """

    status: Status
    x: Array
    residual: Array
    scaled_residual: Array
    jacobian: Array | None
    method: Method
    active_bounds: tuple[tuple[int, str], ...] = ()
    iterations: int = 0
    evaluations: int = 0
    jacobian_evaluations: int = 0

    @property
    def converged(self) -> bool:
        """Whether the scaled residual passes."""
        return self.status is Status.CONVERGED

    @property
    def residual_norm(self) -> float:
        """The largest |f|; NaN if any is, or if there is none."""
        return float(np.max(np.abs(self.residual))) if self.residual.size else float("nan")

    @property
    def message(self) -> str:
        """What happened."""
        return self.status.message

    @property
    def remedy(self) -> str:
        """What to try next; empty for success."""
        return self.status.remedy
