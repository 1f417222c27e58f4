"""What is wrong with a system, by the names of its equations and variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from raphson.active_bound import to_active_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raphson.active_bound import ActiveBound
    from raphson.v1 import solver_pb2


class Part(NamedTuple):
    """Equations and variables that belong together, by name; of large parts a few dozen, and the lines say how many."""

    equations: tuple[str, ...]
    variables: tuple[str, ...]


class NotFinite(NamedTuple):
    """The first subexpression that is not finite although what it is made of is.

    Attributes
    ----------
    equation : str
        The equation that it spoils.
    variable : str
        The variable, if f is finite and its slope in this variable is not; else empty.
    text : str
        The subexpression, e.g. ``"log(u[1] - 2)"``.
    arguments : tuple of float
        What its operation was given.
    value : float
        What it gave.
    reason : str
        E.g. ``"log of -0.5: needs a positive argument"``.
    """

    equation: str
    variable: str
    text: str
    arguments: tuple[float, ...]
    value: float
    reason: str


class WorstEquation(NamedTuple):
    """An equation that is far from solved.

    Attributes
    ----------
    equation : str
        Its name.
    residual : float
        f: left minus right side, in its unit.
    scaled_residual : float
        |f| over the size of the terms that cancel; dimensionless.
    """

    equation: str
    residual: float
    scaled_residual: float


class Pair(NamedTuple):
    """Two equations, or two variables, that change alike, with the cosine of the angle between them."""

    first: str
    second: str
    cosine: float


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """What was found; prints in sentences, the most telling first.

    Attributes
    ----------
    lines : tuple of str
        Everything below in sentences.
    structural_rank : int
        How many equations can each have a variable of its own.
    overdetermined : tuple of Part
        Equations that contain too few variables, and those variables, part by part.
    underdetermined : tuple of Part
        Variables of which too few equations speak, and those equations.
    not_finite : NotFinite or None
        Where NaN or infinity comes from at the point.
    worst_equations : tuple of WorstEquation
        The equations that are worst solved there, worst first.
    active_bounds : tuple of ActiveBound
        Elements of variables that stand at a bound.
    parallel_equations, parallel_variables : tuple of Pair
        Equations that change alike with every variable, and elements that act alike on every equation, up to
        a factor.
    condition : float or None
        Condition number of J there, rows and columns scaled, an estimate; infinite if J is singular, None if it
        was not computed.
    rank : int or None
        Numerical rank of J there; None if it was not computed.
    system_id : str
        Id of the system.
    """

    lines: tuple[str, ...]
    structural_rank: int = 0
    overdetermined: tuple[Part, ...] = ()
    underdetermined: tuple[Part, ...] = ()
    not_finite: NotFinite | None = None
    worst_equations: tuple[WorstEquation, ...] = ()
    active_bounds: tuple[ActiveBound, ...] = ()
    parallel_equations: tuple[Pair, ...] = ()
    parallel_variables: tuple[Pair, ...] = ()
    condition: float | None = None
    rank: int | None = None
    system_id: str = field(default="", compare=False)

    def __str__(self) -> str:
        return "\n".join(f"- {line}" for line in self.lines)

    def __repr__(self) -> str:
        return f"Explanation\n{self}"


def to_explanation(message: solver_pb2.Explanation) -> Explanation:
    """Read an explanation."""
    found = message.not_finite
    return Explanation(
        lines=tuple(message.lines),
        structural_rank=message.structural_rank,
        overdetermined=_parts(message.overdetermined),
        underdetermined=_parts(message.underdetermined),
        not_finite=NotFinite(
            found.equation, found.variable, found.text, tuple(found.arguments), found.value, found.reason
        )
        if message.HasField("not_finite")
        else None,
        worst_equations=tuple(
            WorstEquation(worst.equation, worst.residual, worst.scaled_residual) for worst in message.worst_equations
        ),
        active_bounds=to_active_bounds(message.active_bounds),
        parallel_equations=_pairs(message.parallel_equations),
        parallel_variables=_pairs(message.parallel_variables),
        condition=message.condition or None,
        rank=message.rank if message.HasField("rank") else None,
        system_id=message.system_id,
    )


def _parts(messages: Iterable[solver_pb2.Part]) -> tuple[Part, ...]:
    return tuple(Part(tuple(message.equations), tuple(message.variables)) for message in messages)


def _pairs(messages: Iterable[solver_pb2.Pair]) -> tuple[Pair, ...]:
    return tuple(Pair(message.first, message.second, message.cosine) for message in messages)
