"""A variable that stands at one of its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from raphson.v1 import solver_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

Side = Literal["lower", "upper"]


class ActiveBound(NamedTuple):
    """An element of a variable at a bound.

    Attributes
    ----------
    element : str
        Such as ``"x"`` or ``"u[3]"``.
    side : {"lower", "upper"}
        Which of its bounds.
    """

    element: str
    side: Side

    def __str__(self) -> str:
        return f"{self.element} at its {self.side} bound"


def to_active_bounds(messages: Iterable[solver_pb2.ActiveBound]) -> tuple[ActiveBound, ...]:
    """Read the bounds that a server names."""
    return tuple(
        ActiveBound(message.element, "upper" if message.side == solver_pb2.ActiveBound.SIDE_UPPER else "lower")
        for message in messages
    )
