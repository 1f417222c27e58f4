"""A branch of roots along which a parameter changes: each point as it comes, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from raphson.display import show_value
from raphson.errors import IncompatibleServerError
from raphson.named_vector import NamedVector, to_vector
from raphson.stream import AwaitedStream, Items, Stream

if TYPE_CHECKING:
    from raphson.v1 import solver_pb2


class BranchPointKind(IntEnum):
    """What a point is to its branch."""

    START = 1
    """The first."""
    REGULAR = 2
    """On the way."""
    TURNING_POINT = 3
    """A fold, where the parameter turns round."""
    END = 4
    """The last."""


KINDS = {int(member): member for member in BranchPointKind}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class BranchPoint(NamedVector):
    """A root on a branch.

    Attributes
    ----------
    x, variables
        As in `NamedVector`.
    kind : BranchPointKind
        What it is to the branch.
    parameter : float
        The value of the parameter that changes, in its unit.
    arclength : float
        Length of the branch so far, in scaled variables; dimensionless.
    """

    kind: BranchPointKind
    parameter: float
    arclength: float

    @property
    def is_turning_point(self) -> bool:
        """Whether the parameter turns round here."""
        return self.kind is BranchPointKind.TURNING_POINT

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={show_value(self[name])}" for name in self)
        return f"BranchPoint({kind_name(self.kind)} at {self.parameter:.12g}: {values})"


@dataclass(frozen=True, slots=True)
class BranchEnd:
    """Why a branch ended.

    Attributes
    ----------
    reason : str
        In a sentence.
    points : int
        Points streamed.
    turning_points : int
        Turning points among them.
    system_id : str
        Id of the system.
    """

    reason: str
    points: int
    turning_points: int
    system_id: str = field(default="", repr=False)

    def __str__(self) -> str:
        points = f"{self.points} point{'' if self.points == 1 else 's'}"
        turns = f"{self.turning_points} turning point{'' if self.turning_points == 1 else 's'}"
        return f"{points}, {turns}: {self.reason}"


class _Points(Items[BranchPoint, BranchEnd]):
    @property
    def end(self) -> BranchEnd | None:
        """Why it ended; None before its end, or if it was cancelled."""
        return self._ending

    def _item(self, reply: solver_pb2.FollowResponse) -> BranchPoint | None:
        return to_branch_point(reply.point) if reply.HasField("point") else None

    def _end(self, reply: solver_pb2.FollowResponse) -> BranchEnd:
        end = reply.end
        return BranchEnd(end.reason, end.points, end.turning_points, end.system_id)


class Branch(_Points, Stream[BranchPoint, BranchEnd]):
    """The points of a branch, one by one; made by `Client.follow`.

    >>> branch = client.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=-1.0, upper=4.0)
    >>> for point in branch:
    ...     print(point.parameter, point["x"])
    >>> branch.end
    """


class AwaitedBranch(_Points, AwaitedStream[BranchPoint, BranchEnd]):
    """The points of a branch, one by one; made by `Client.follow` of `raphson.aio`.

    >>> branch = client.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=-1.0, upper=4.0)
    >>> async for point in branch:
    ...     print(point.parameter, point["x"])
    >>> branch.end
    """


def to_branch_point(message: solver_pb2.BranchPoint) -> BranchPoint:
    """Read a point.

    Raises
    ------
    IncompatibleServerError
        If it is of a kind that this client does not know.
    """
    kind = KINDS.get(message.kind)
    if kind is None:
        raise IncompatibleServerError(f"the server sent a point of kind {message.kind}, which is not known here")
    x, variables = to_vector(message.solution)
    return BranchPoint(x=x, variables=variables, kind=kind, parameter=message.parameter, arclength=message.arclength)


def kind_name(kind: BranchPointKind) -> str:
    """Return ``"turning point"`` and the like."""
    return kind.name.lower().replace("_", " ")
