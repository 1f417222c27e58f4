"""All roots in a box: each when it is found, and how the search ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import from_message
from raphson.certificate import Certificate, to_certificate
from raphson.display import show_value
from raphson.named_vector import NamedVector, to_vector
from raphson.stream import AwaitedStream, Items, Stream

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.v1 import solver_pb2


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class FoundRoot(NamedVector):
    """A root in the box.

    Attributes
    ----------
    x, variables
        As in `NamedVector`.
    residual : ndarray of float64, shape (m,)
        f there, in the equations' units.
    certificate : Certificate
        A box that holds exactly one root, or why none is proven.
    """

    residual: Array
    certificate: Certificate

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={show_value(self[name])}" for name in self)
        return f"FoundRoot({values}; {self.certificate})"


@dataclass(frozen=True, eq=False, slots=True)
class FindAllSummary:
    """How a search ended.

    Attributes
    ----------
    roots : int
        How many distinct roots were found.
    starts : int
        How many starts were tried.
    complete : bool
        Whether it is proven that the box holds these roots and no others.
    undecided_lower, undecided_upper : ndarray of float64, shape (boxes, n)
        Corners of the boxes in which a root is neither proven nor excluded.
    reason : str
        Why the search ended, in a sentence.
    system_id : str
        Id of the system.
    """

    roots: int
    starts: int
    complete: bool
    reason: str
    undecided_lower: Array = field(repr=False)
    undecided_upper: Array = field(repr=False)
    system_id: str = field(repr=False)

    def __str__(self) -> str:
        roots = f"{self.roots} root{'' if self.roots == 1 else 's'}"
        return f"{roots} from {self.starts} start{'' if self.starts == 1 else 's'}: {self.reason}"


class _Roots(Items[FoundRoot, FindAllSummary]):
    @property
    def summary(self) -> FindAllSummary | None:
        """How the search ended; None before its end, or if it was cancelled."""
        return self._ending

    def _item(self, reply: solver_pb2.FindAllResponse) -> FoundRoot | None:
        return to_root(reply.root) if reply.HasField("root") else None

    def _end(self, reply: solver_pb2.FindAllResponse) -> FindAllSummary:
        return to_summary(reply.summary)


class RootSearch(_Roots, Stream[FoundRoot, FindAllSummary]):
    """The roots in a box, one by one as they are found; made by `Client.find_all`.

    >>> search = client.find_all("x**2 = 2", {"x": (-10, 10)})
    >>> for root in search:
    ...     print(root["x"])
    >>> search.summary
    """


class AwaitedRootSearch(_Roots, AwaitedStream[FoundRoot, FindAllSummary]):
    """The roots in a box, one by one as they are found; made by `Client.find_all` of `raphson.aio`.

    >>> search = client.find_all("x**2 = 2", {"x": (-10, 10)})
    >>> async for root in search:
    ...     print(root["x"])
    >>> search.summary
    """


def to_root(message: solver_pb2.FoundRoot) -> FoundRoot:
    """Read a root."""
    x, variables = to_vector(message.solution)
    return FoundRoot(
        x=x,
        variables=variables,
        residual=from_message(message.residual),
        certificate=to_certificate(message.certificate),
    )


def to_summary(message: solver_pb2.FindAllSummary) -> FindAllSummary:
    """Read how a search ended."""
    lower, upper = from_message(message.undecided_lower), from_message(message.undecided_upper)
    return FindAllSummary(
        roots=message.roots,
        starts=message.starts,
        complete=message.complete,
        reason=message.reason,
        undecided_lower=lower if lower.size else np.empty((0, 0)),
        undecided_upper=upper if upper.size else np.empty((0, 0)),
        system_id=message.system_id,
    )
