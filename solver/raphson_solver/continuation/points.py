"""What a branch consists of, and why it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

import numpy as np
from numpy.typing import NDArray


class PointKind(StrEnum):
    """What a point is to its branch."""

    START = "start"
    """The first."""
    REGULAR = "regular"
    """On the way."""
    TURNING_POINT = "turning point"
    """Where the parameter turns back: dλ/ds = 0, and J is singular."""
    CROSSING = "crossing"
    """Between the point before and this one the determinant of the bordered Jacobian changed sign: another branch
    crosses there, or comes nearer than a thousandth of the steps tells. The place itself is not located."""
    END = "end"
    """The last; what it is besides is said by the reason."""


class End(Enum):
    """Why a branch ended."""

    LIMIT = "the parameter reached its limit"
    CLOSED = "the branch came back to its start: it is a closed loop"
    MAX_POINTS = "the number of points asked for was reached"
    STOPPED = "the caller stopped it"
    FAR = "the branch went as far as `largest_size` allows: it may have no end"
    START = "no root was found at the start"
    SINGULAR = "the branch has no single direction at the start: another one crosses there, or J has no full rank"
    DOMAIN = "beyond the last point f or its derivatives are not finite, however short the step"
    STEP = (
        "beyond the last point no step, however short, led to a nearby root: there may be a kink, a jump, or another "
        "branch that crosses"
    )

    @property
    def message(self) -> str:
        """What happened."""
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class BranchPoint:
    """A root (x, λ) on a branch, whose scaled residual passes.

    Attributes
    ----------
    kind : PointKind
        What it is to the branch.
    parameter : float
        λ, in its unit.
    x : ndarray, shape (n,)
        The root.
    arclength : float
        Length of the polygon from the start to here, in scaled variables, dimensionless.
    slope : float
        dλ/ds in scaled variables, from −1 to 1: above 0 where λ grows along the branch, 0 at a turning point.
    iterations : int
        Newton steps that it took.
    scaled_residual : float
        The largest |f| over the size of the terms that cancel in it.
    """

    kind: PointKind
    parameter: float
    x: NDArray[np.float64]
    arclength: float
    slope: float
    iterations: int
    scaled_residual: float
