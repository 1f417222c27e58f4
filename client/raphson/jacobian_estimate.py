"""A Jacobian by differences, and how far off it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from raphson.arrays import Array


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JacobianEstimate:
    """A Jacobian by differences.

    Attributes
    ----------
    matrix : ndarray of float64, shape (…, m, n)
        ∂f_i/∂x_j.
    error : ndarray of float64, shape (…, m, n)
        An estimate of |J − matrix|, entry by entry.
    evaluations : int
        Evaluations of f that it took, over all points.
    """

    matrix: Array
    error: Array
    evaluations: int

    def __str__(self) -> str:
        worst = float(np.max(self.error, initial=0.0))
        return f"{self.matrix}\nwithin about {worst:.2g}, by {self.evaluations} evaluations of f"

    def __repr__(self) -> str:
        return f"JacobianEstimate\n{self}"
