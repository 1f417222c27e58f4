"""What a search asks, and whether an answer is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import InputError

Array = NDArray[np.float64]


# No slots: with them a frozen class is pickled field by field in Python, every turn.
@dataclass(frozen=True, eq=False)
class Question:
    """Points at which something is asked.

    Attributes
    ----------
    number : int
        Counted from 1.
    points : ndarray, shape (k, n)
        Where; inside the bounds.
    wants_jacobian : bool
        Whether J is asked there, k = 1, and not f.
    m : int or None
        How many equations there are, once the first answer has told.
    """

    number: int
    points: Array
    wants_jacobian: bool = False
    m: int | None = None

    def read(self, values: Array) -> Array:
        """Return an answer as an array of shape (k, m), or (m, n) for J.

        Parameters
        ----------
        values : ndarray of float64
            f at each of the points, a row each; NaN where f is not defined. Of one point a plain vector will do.

        Raises
        ------
        InputError
            If its shape is another.
        """
        k, n = self.points.shape
        if self.wants_jacobian:
            expected = (self.m, n)
            if values.shape != expected:
                raise InputError(
                    "values", f"a Jacobian of shape {values.shape}; expected {expected}, equations by variables"
                )
            return values
        if k == 1 and values.ndim <= 1:
            values = values.reshape(1, -1)
        if values.ndim != 2 or values.shape[0] != k or not values.shape[1]:
            equations = "at least one equation" if self.m is None else f"{self.m} equations"
            raise InputError("values", f"shape {values.shape} for {_points(k)}; expected ({k}, m), with {equations}")
        if self.m is not None and values.shape[1] != self.m:
            raise InputError("values", f"{values.shape[1]} equations; expected {self.m}, as in the answers before")
        return values


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"
