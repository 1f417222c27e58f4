"""Whether f is differentiable at a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.v1.jacobian_pb2 import TestDifferentiabilityResponse


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Differentiability:
    """What the remainder ‖f(x + h) − f(x) − J·h‖ / ‖h‖ does as h goes to 0.

    Attributes
    ----------
    differentiable : bool
        Whether it goes to zero in every direction.
    affine : bool
        Whether it is at rounding level at every step.
    order : float
        The slope of its logarithm against that of the step: 1 or more for smooth f, 0 where it does not shrink; NaN
        where it is at rounding level.
    steps, remainders : ndarray of float64, same shape
        The steps, decreasing, and the largest remainder over the directions at each.
    worst_direction : ndarray of float64, shape (n,)
        Of length 1.
    partial_derivatives_exist : bool
        Whether every partial derivative exists, which is not enough.
    message : str
        In a sentence.
    """

    differentiable: bool
    affine: bool
    order: float
    steps: Array
    remainders: Array
    worst_direction: Array
    partial_derivatives_exist: bool
    message: str

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"Differentiability: {self}"


def to_differentiability(reply: TestDifferentiabilityResponse) -> Differentiability:
    """Read a reply."""
    return Differentiability(
        differentiable=reply.differentiable,
        affine=reply.affine,
        order=reply.order,
        steps=np.array(reply.steps),
        remainders=np.array(reply.remainders),
        worst_direction=from_message(reply.worst_direction),
        partial_derivatives_exist=reply.partial_derivatives_exist,
        message=reply.message,
    )
