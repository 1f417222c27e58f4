"""What was proven of a root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.v1 import solver_pb2


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Certificate:
    """A proof in rigorous arithmetic that exactly one root lies in a box, or why there is none.

    Attributes
    ----------
    proven : bool
        Whether the box holds exactly one root.
    lower, upper : ndarray of float64, shape (n,)
        The box; it contains the returned point x.
    radius : ndarray of float64, shape (n,)
        ``|root[j] − x[j]|`` is at most this.
    unique_radius : ndarray of float64, shape (n,)
        Within this of the point there is no second root.
    reason : str
        Why nothing is proven; empty if it is.
    """

    proven: bool
    lower: Array
    upper: Array
    radius: Array
    unique_radius: Array
    reason: str = ""

    def __str__(self) -> str:
        if not self.proven:
            return f"not proven: {self.reason}" if self.reason else "not proven"
        return f"proven: exactly one root within {np.max(self.radius, initial=0.0):.1g}"

    def __repr__(self) -> str:
        return f"Certificate({self})"


def to_certificate(message: solver_pb2.Certificate) -> Certificate:
    """Read a certificate."""
    return Certificate(
        proven=message.proven,
        lower=from_message(message.lower),
        upper=from_message(message.upper),
        radius=from_message(message.radius),
        unique_radius=from_message(message.unique_radius),
        reason=message.reason,
    )
