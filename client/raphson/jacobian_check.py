"""A caller's Jacobian beside the exact one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from raphson.v1 import jacobian_pb2


class CheckedEntry(NamedTuple):
    """An entry of a caller's Jacobian that is not what the equations say.

    Attributes
    ----------
    equation, variable : str
        By name, e.g. ``"equations[0]"`` and ``"u[3]"``.
    row, column : int
        By number, from 0.
    given, exact : float
        The caller's value, and the exact one.
    central, central_error : float
        That of central differences, and an estimate of its error.
    """

    equation: str
    variable: str
    row: int
    column: int
    given: float
    exact: float
    central: float
    central_error: float


@dataclass(frozen=True, slots=True, repr=False)
class JacobianCheck:
    """Whether a caller's Jacobian is that of the equations, at one point.

    Attributes
    ----------
    agrees : bool
        Whether every entry agrees with the exact one.
    worst : tuple of CheckedEntry
        Entries that do not, worst first.
    disagreeing : int
        How many do not.
    largest_error : float
        The largest |given − exact| over the size of the entry; dimensionless.
    """

    agrees: bool
    worst: tuple[CheckedEntry, ...]
    disagreeing: int
    largest_error: float

    def __str__(self) -> str:
        if self.agrees:
            return f"the Jacobian agrees with the exact one to rounding: largest error {self.largest_error:.1e}"
        entries = "1 entry differs" if self.disagreeing == 1 else f"{self.disagreeing} entries differ"
        shown = "" if len(self.worst) == self.disagreeing else f"; the worst {len(self.worst)}"
        cells = [("equation", "unknown", "given", "exact", "by central differences")]
        cells += [
            (
                entry.equation,
                entry.variable,
                f"{entry.given:.10g}",
                f"{entry.exact:.10g}",
                f"{entry.central:.10g} ± {entry.central_error:.1e}",
            )
            for entry in self.worst
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n  ".join([f"{entries} from the exact Jacobian{shown}:", *(line.rstrip() for line in lines)])

    def __repr__(self) -> str:
        return f"JacobianCheck: {self}"


def to_jacobian_check(reply: jacobian_pb2.CheckJacobianResponse) -> JacobianCheck:
    """Read a reply."""
    return JacobianCheck(
        agrees=reply.agrees,
        worst=tuple(
            CheckedEntry(
                entry.equation,
                entry.variable,
                entry.row,
                entry.column,
                entry.given,
                entry.exact,
                entry.central,
                entry.central_error,
            )
            for entry in reply.worst
        ),
        disagreeing=reply.disagreeing,
        largest_error=reply.largest_error,
    )
