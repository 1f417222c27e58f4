"""An EvaluateRequest, read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import EvaluateResponse
from raphson_solver.differential import Differential

from raphson_server.worker.conversion import Array, Shape
from raphson_server.worker.kept_system import KeptSystem

# EvaluateRequest.at and .parameters, then NamedArray.array, then DoubleArray.data; the others are DoubleArrays.
NUMBERS = {"x": (2, 2, 2), "p": (3, 2, 2), "jvp": (7, 2), "vjp": (8, 2), "hessian_vector": (14, 2)}
"""Where a request has the numbers of a question's attributes: numbers of fields, from the outside in."""


@dataclass(frozen=True, slots=True)
class Output:
    """An array of the reply.

    Attributes
    ----------
    of : callable
        Takes it from a `Chunk`, shape (points, …), or (k, points, …) for k vectors at each.
    place : callable
        Takes its message from a reply.
    shape : tuple of int
        As it is sent.
    whole : tuple of int
        As it is made: with the points of the batch in one dimension.
    axis : int
        Which dimension that is.
    """

    of: Callable[[Any], Array]
    place: Callable[[EvaluateResponse], DoubleArray]
    shape: Shape
    whole: Shape
    axis: int


@dataclass(slots=True)
class EvaluateQuestion:
    """Which views of f, at which points.

    Attributes
    ----------
    kept : KeptSystem
        Of which system.
    differential : Differential
        Its f and f′, in the mode that was asked for.
    views : frozenset of str
        The fields of the request that ask for something.
    batch : tuple of int
        The batch's dimensions: none for one point.
    x : ndarray
        The points: n numbers, or n numbers for each point of the batch.
    p : ndarray or None
        The parameters likewise, if there are any.
    jvp, vjp, hessian_vector : ndarray or None
        Vectors: any number for each point, or for all.
    leads : dict of str to tuple of int
        The dimensions that each of these has before the batch's.
    log_density : ndarray or None
        One number a point.
    deviations, root : ndarray or None
        Standard deviations of x, or R with R·Rᵀ its covariance.
    outputs : tuple of Output
        What the reply holds.
    step : int
        How many points are worked on at a time.
    """

    kept: KeptSystem
    differential: Differential
    views: frozenset[str]
    batch: Shape
    x: Array
    p: Array | None
    jvp: Array | None = None
    vjp: Array | None = None
    hessian_vector: Array | None = None
    leads: dict[str, Shape] = field(default_factory=dict)
    log_density: Array | None = None
    deviations: Array | None = None
    root: Array | None = None
    outputs: tuple[Output, ...] = ()
    step: int = 1

    @property
    def has_form(self) -> bool:
        """Whether another request may ask the same of other numbers: not of those of many points, which are long."""
        return not self.batch

    @property
    def is_exact(self) -> bool:
        """Whether derivatives are those of the equations."""
        return self.differential.mode is rs.JacobianMode.EXACT
