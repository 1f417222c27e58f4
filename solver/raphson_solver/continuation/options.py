"""What a caller may choose of how a branch is followed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raphson_solver.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchOptions:
    """How to follow a branch. Lengths are of arcs in scaled variables, in which the start has a size of about 1.

    Attributes
    ----------
    direction : int
        1 to begin with a growing parameter, −1 with a falling one.
    first_step : float
        Length of the first step; above 0.
    largest_step : float
        Of any step, as a part of the size that the point has, at least 1; above 0.
    smallest_step : float
        Where steps as short fail, relative to the size of the point, the branch ends; above 0.
    largest_size : float
        Where a point is as large, in sizes of the start, the branch ends: it leads to infinity; above 1.
    largest_angle : float
        Radians that the branch may turn in one step; above 0, at most 1.
    max_points : int
        Points after which the branch ends, the start and turning points included; at least 1.
    """

    direction: int = 1
    first_step: float = 0.02
    largest_step: float = 0.2
    smallest_step: float = 1e-13
    largest_size: float = 1e15
    largest_angle: float = 0.3
    max_points: int = 10_000

    def __post_init__(self) -> None:
        if self.direction not in {1, -1}:
            raise InputError("direction", f"expected 1 or -1, found {self.direction!r}")
        for name in ("first_step", "largest_step", "smallest_step"):
            self._check(name, math.inf)
        self._check("largest_angle", 1.0)
        if not 1.0 < self.largest_size <= 1e100:
            raise InputError("largest_size", f"expected a number above 1, at most 1e100, found {self.largest_size!r}")
        if not (isinstance(self.max_points, int) and self.max_points >= 1):
            raise InputError("max_points", f"expected a whole number of at least 1, found {self.max_points!r}")

    def _check(self, name: str, largest: float) -> None:
        value = getattr(self, name)
        if not (isinstance(value, int | float) and 0.0 < value <= largest and value < math.inf):
            raise InputError(name, f"expected a number above 0{' and at most 1' * (largest == 1.0)}, found {value!r}")
