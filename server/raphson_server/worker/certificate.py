"""A proof, or why there is none, in the wire's terms."""

from __future__ import annotations  # ball arithmetic is loaded for proofs alone

from typing import TYPE_CHECKING

from raphson.v1.solver_pb2 import Certificate

from raphson_server.worker.conversion import from_array

if TYPE_CHECKING:
    from raphson_solver import proof

LARGEST_CERTIFIED = 200
"""Unknowns up to which a certificate is tried: its work grows with their cube, and no flag stops it."""


def from_certificate(found: proof.Certificate) -> Certificate:
    """Write what was proven of a point."""
    return Certificate(
        proven=found.proven,
        lower=from_array(found.lower),
        upper=from_array(found.upper),
        radius=from_array(found.radius),
        unique_radius=from_array(found.unique_radius),
        reason=found.reason,
    )
