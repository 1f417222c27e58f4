"""How views of f are asked for: in one call, or in several where one message would not hold them."""

from __future__ import annotations

import math
import operator
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from raphson.arrays import REAL_KINDS, from_message, to_array, write, write_named
from raphson.batch import to_points
from raphson.calls import Calls
from raphson.errors import DeadlineExceededError, InvalidRequestError
from raphson.region import write_bounds
from raphson.v1.jacobian_pb2 import EvaluateRequest
from raphson.vectors import direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from raphson.arrays import Array
    from raphson.batch import Points
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point
    from raphson.region import Bounds
    from raphson.v1.jacobian_pb2 import EvaluateResponse

# What a server takes and gives unless it was told otherwise; it says what, when that is less.
MESSAGE_BYTES = 16 * 1024 * 1024
# Names, shapes and all else around the arrays of a message.
ENVELOPE_BYTES = 64 * 1024
LIMIT = "max_message_bytes"


class Where(NamedTuple):
    """The arguments that all views share: of which system, where and how; see `Differentiating.jacobian`."""

    equations: Equations
    at: Point
    parameters: Parameters | None
    method: JacobianArgument = "exact"
    batch: int | None = None
    batched_parameters: Sequence[str] = ()
    bounds: Bounds | None = None
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which views.

    Attributes
    ----------
    flags : tuple of str
        Fields of the request that are to be true.
    vectors : mapping of str to array
        Fields that hold vectors, one or several for a point: shape (…, length).
    densities : mapping of str to array
        Fields that hold a number for each point.
    constants : mapping of str to array
        Fields that hold the same for all points.
    """

    flags: tuple[str, ...] = ()
    vectors: Mapping[str, Array] = field(default_factory=dict)
    densities: Mapping[str, Array] = field(default_factory=dict)
    constants: Mapping[str, Array] = field(default_factory=dict)


class Evaluation:
    """What a server replied, in one message or in several.

    Parameters
    ----------
    replies : sequence of EvaluateResponse
        Of parts of the batch, cut along its first dimension, in order.
    dimensions : int
        How many dimensions the batch has.
    """

    def __init__(self, replies: Sequence[EvaluateResponse], dimensions: int) -> None:
        self.replies = replies
        self.dimensions = dimensions

    @property
    def first(self) -> EvaluateResponse:
        """The first reply: what does not depend on the point."""
        return self.replies[0]

    @property
    def evaluations(self) -> int:
        """Evaluations of f spent on differences, over all points."""
        return sum(reply.evaluations for reply in self.replies)

    def array(self, path: str, own: int) -> Array:
        """Return an array of the replies.

        Parameters
        ----------
        path : str
            Where it is in each, e.g. ``"determinant.sign"``.
        own : int
            How many dimensions it has at one point.
        """
        view = operator.attrgetter(path)
        parts = [from_message(view(reply)) for reply in self.replies]
        if len(parts) == 1:
            return parts[0]
        joined = np.concatenate(parts, axis=parts[0].ndim - own - self.dimensions)
        joined.flags.writeable = False
        return joined

    def number(self, path: str) -> float | Array:
        """Return a number for each point: a float where there is one."""
        array = self.array(path, 0)
        return array if array.ndim else float(array)


class Evaluating(Calls):
    """Asks for views of systems at points."""

    _message_bytes = MESSAGE_BYTES

    async def _evaluate(self, where: Where, asked: Asked) -> Evaluation:
        """Ask for views; send a batch in parts where it, or its reply, is larger than a message may be."""
        return await self._send_points(points_of(where), where, asked)

    async def _product(self, where: Where, field: str, v: Mapping[str, ArrayLike] | ArrayLike) -> Evaluation:
        """Ask for a product with directions, which may be given by the names of variables."""
        points = points_of(where)
        vectors = np.atleast_1d(direction(v, points.problem, dimensions=points.dimensions))
        return await self._send_points(points, where, Asked(vectors={field: vectors}))

    async def _send_points(self, points: Points, where: Where, asked: Asked) -> Evaluation:
        deadline = self._deadline(where.timeout_seconds)
        if not points.dimensions:
            request = _request(points, where.bounds, asked, None)
            return Evaluation([await self._send(self._transport.evaluate, request, points.problem, deadline)], 0)
        replies = await self._in_parts(points, where.bounds, asked, time.monotonic() + deadline)
        return Evaluation(replies, points.dimensions)

    async def _in_parts(
        self, points: Points, bounds: Bounds | None, asked: Asked, deadline: float
    ) -> list[EvaluateResponse]:
        replies: list[EvaluateResponse] = []
        bytes_a_point = _bytes_a_point(points, asked)
        place = 0
        while place < points.count:
            fitting = int((self._message_bytes - ENVELOPE_BYTES) / bytes_a_point) if bytes_a_point else points.count
            last = min(place + max(fitting, 1), points.count)
            request = _request(points, bounds, asked, slice(place, last))
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                description = f"no time was left after {place} of {points.count} points; they take several calls"
                raise DeadlineExceededError(description)
            try:
                reply = await self._send(self._transport.evaluate, request, points.problem, remaining)
            except InvalidRequestError as error:
                if error.metadata.get("limit") != LIMIT or last - place == 1:
                    raise
                self._message_bytes = int(error.metadata["maximum"])
                # What a point takes is known now, and never less than before, so that this ends.
                found = int(error.metadata["value"]) / (last - place)
                bytes_a_point = max(found, 1.01 * bytes_a_point)
                continue
            replies.append(reply)
            place = last
        return replies


def to_vectors(values: ArrayLike, field: str) -> Array:
    """Read vectors; a number counts as a vector of one."""
    return np.atleast_1d(to_array(values, field))


def points_of(where: Where) -> Points:
    """Read which system, where and how."""
    return to_points(
        where.equations,
        where.at,
        where.parameters,
        where.method,
        batch=where.batch,
        batched_parameters=where.batched_parameters,
    )


def _request(points: Points, bounds: Bounds | None, asked: Asked, part: slice | None) -> EvaluateRequest:
    """Write a request for all points, or for a part of them."""
    request = EvaluateRequest(mode=int(points.problem.mode))  # type: ignore[arg-type]
    dimensions, count = points.dimensions, points.count
    if part is None:
        write_named(points.at, request.at, "at")
        write_named(points.parameters, request.parameters, "parameters")
    else:
        request.batch_dimensions = dimensions
        request.batched_parameters.extend(points.batched)
        write_named({name: _cut(array, 0, part, count) for name, array in points.at.items()}, request.at, "at")
        parameters = {
            name: _cut(value, 0, part, count) if name in points.batched else value
            for name, value in points.parameters.items()
        }
        write_named(parameters, request.parameters, "parameters")
    for flag in asked.flags:
        setattr(request, flag, True)
    for name, array in asked.vectors.items():
        axis = array.ndim - 1 - dimensions
        write(array if part is None or axis < 0 else _cut(array, axis, part, count), getattr(request, name), name)
    for name, array in asked.densities.items():
        write(array if part is None or not array.ndim else _cut(array, 0, part, count), getattr(request, name), name)
    for name, array in asked.constants.items():
        write(array, getattr(request, name), name)
    if bounds is not None:
        write_bounds(bounds, points.problem.definition.variables, request.bounds)
    return request


def _cut(value: ArrayLike, axis: int, part: slice, count: int) -> Array:
    """Return some of the points; a single one holds for all."""
    array = np.asarray(value)
    if array.shape[axis] != count or (part.start == 0 and part.stop == count):
        return array
    return array[(slice(None),) * axis + (part,)]


def _bytes_a_point(points: Points, asked: Asked) -> float:
    """Return what a point takes of a request."""
    arrays: Iterable[Array] = (
        *(np.asarray(array) for array in points.at.values()),
        *(np.asarray(points.parameters[name]) for name in points.batched),
        *asked.vectors.values(),
        *asked.densities.values(),
    )
    sizes = (math.prod(array.shape) for array in arrays if array.dtype.kind in REAL_KINDS)
    return 8 * sum(sizes) / points.count
