"""The members of a batch: which arrays have a row for each, and which hold for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.arrays import to_array
from raphson.batch import split_points
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.problem import Problem, to_problem, to_shaped_problem
from raphson.trace import first_argument

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.arrays import Array, Shape
    from raphson.problem import Equations, Parameters, Point

Shapes = Mapping[str, Sequence[int]]
# Stands for a parameter that has a row a member while its system is compiled: no whole number, and so no index.
_ANY = 0.5


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a batch.

    Attributes
    ----------
    count : int
        B.
    start, parameters : mapping of str to ndarray
        What is sent: of the shape that a name is declared with, or (B, *shape).
    by_member : frozenset of (str, str)
        Which arrays have a row a member: ``("start", "x")``.
    """

    count: int
    start: Mapping[str, Array]
    parameters: Mapping[str, Array]
    by_member: frozenset[tuple[str, str]]

    def part(self, kind: str, first: int, last: int) -> dict[str, ArrayLike]:
        """Return the ``"start"`` or the ``"parameters"`` of the members from one to another."""
        arrays: Mapping[str, Array] = getattr(self, kind)
        return {name: array[first:last] if (kind, name) in self.by_member else array for name, array in arrays.items()}

    @property
    def bytes_each(self) -> int:
        """What a member takes of a request."""
        arrays: Mapping[str, Mapping[str, Array]] = {"start": self.start, "parameters": self.parameters}
        return 8 * sum(arrays[kind][name].size for kind, name in self.by_member) // self.count


def to_compile(equations: Equations, start: Point, parameters: Parameters, shapes: Shapes | None) -> Problem:
    """Return what is to be compiled of equations that are not: every name is a scalar unless `shapes` says otherwise.

    Raises
    ------
    InvalidRequestError
        If the arguments cannot be what was meant.
    """
    own = to_shapes(shapes)
    if not isinstance(start, Mapping):
        if not callable(equations):
            description = "an array without names; expected name → numbers, unless equations are a function or compiled"
            raise InvalidRequestError.at("start", description)
        start = {first_argument(equations): start}
    for name in own:
        if name not in start and name not in parameters:
            raise InvalidRequestError.at(f"shapes[{name}]", "is neither in start nor among the parameters")
    given: dict[str, Any] = {
        name: np.full(own.get(name, ()), _ANY) if np.ndim(value) > len(own.get(name, ())) else value
        for name, value in parameters.items()
    }
    return to_shaped_problem(equations, None, {name: own.get(name, ()) for name in start}, given)


def to_members(system: CompiledSystem, start: Point, parameters: Parameters) -> Members:
    """Read the arrays of a batch: each has the shape that its name is declared with, or the members before it.

    Raises
    ------
    InvalidRequestError
        If one has neither, they disagree about the number of members, or a start is not finite.
    """
    if not isinstance(start, Mapping):
        start = _by_name(system, start)
    arrays = {("start", name): to_array(value, f"start[{name}]") for name, value in start.items()}
    arrays |= {("parameters", name): to_array(value, f"parameters[{name}]") for name, value in parameters.items()}
    declared = {"start": dict(system.variables), "parameters": dict(system.parameters)}
    by_member: set[tuple[str, str]] = set()
    for (kind, name), array in arrays.items():
        if name not in declared[kind]:
            what = "a variable" if kind == "start" else "a parameter"
            raise InvalidRequestError.at(f"{kind}[{name}]", f"is not {what} of the system")
        if _has_members(array, declared[kind][name], f"{kind}[{name}]"):
            by_member.add((kind, name))
    count = _count({which: array.shape[0] for which, array in arrays.items() if which in by_member})
    for (kind, name), array in arrays.items():
        if kind == "start":
            _check_finite(array, name)
    # What a compiled system adds, and refuses, is told by one member.
    one = {which: array[0] if which in by_member else array for which, array in arrays.items()}
    first = [{name: array for (kind, name), array in one.items() if kind == wanted} for wanted in declared]
    problem = to_problem(system, first[0], first[1], "exact")
    for kind, name in by_member:
        if kind == "parameters" and name in problem.fixed:
            description = "is used as a range or an index, so its value belongs to the system; expected one for all"
            raise InvalidRequestError.at(f"parameters[{name}]", description)
    points = {name: array for (kind, name), array in arrays.items() if kind == "start"}
    given = {name: np.asarray(value, np.float64) for name, value in problem.parameters.items()}
    given |= {name: array for (kind, name), array in arrays.items() if kind == "parameters"}
    return Members(count, points, given, frozenset(by_member))


def to_shapes(shapes: Shapes | None) -> dict[str, Shape]:
    """Read shapes by name.

    Raises
    ------
    InvalidRequestError
        If they are none.
    """
    if shapes is None:
        return {}
    try:
        return {name: tuple(int(extent) for extent in shape) for name, shape in shapes.items()}
    except (AttributeError, TypeError, ValueError):
        description = f"{shapes!r}; expected name → shape of one member, e.g. {{'u': (50,)}}"
        raise InvalidRequestError.at("shapes", description) from None


def _by_name(system: CompiledSystem, start: ArrayLike) -> Mapping[str, Array]:
    """Cut an array of shape (n,) or (B, n) into the variables."""
    return split_points(to_array(start, "start"), system, "start")


def _has_members(array: Array, shape: Shape, where: str) -> bool:
    shape = tuple(shape)
    if array.shape == shape:
        return False
    if array.ndim == len(shape) + 1 and array.shape[1:] == shape:
        if not array.size:
            raise InvalidRequestError.at(where, f"shape {array.shape} has no members; expected at least one")
        return True
    expected = f"{shape} for all members, or {('B', *shape)!r}, a row for each of B".replace("'", "")
    hint = "" if shape else "; if one member has an array here, say so: shapes={'name': shape}, or compile it first"
    raise InvalidRequestError.at(where, f"shape {array.shape}; expected {expected}{hint}")


def _count(extents: Mapping[tuple[str, str], int]) -> int:
    if not extents:
        return 1
    (kind, name), count = next(iter(extents.items()))
    for (other_kind, other), extent in extents.items():
        if extent != count:
            description = f"{extent} members, but {kind}[{name}] has {count}"
            raise InvalidRequestError.at(f"{other_kind}[{other}]", description)
    return count


def _check_finite(array: Array, name: str) -> None:
    # One pass without memory of its own; sums that overflow take the long way, which finds nothing wrong.
    with np.errstate(all="ignore"):
        total = array.sum()
    if np.isfinite(total):
        return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(bad[0].tolist())
        where = f" at {list(place)}" if place else ""
        raise InvalidRequestError.at(f"start[{name}]", f"{array[place]}{where}; expected finite numbers")
