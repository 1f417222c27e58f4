"""Many points in one call: which dimensions of what a caller gives count points."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from raphson.arrays import to_array
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.problem import to_problem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.arrays import Array, Shape
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point, Problem

MOST_DIMENSIONS = 8
# A function's first argument, which only the trace names.
_UNNAMED = ""


@dataclass(frozen=True, slots=True)
class Points:
    """Where to evaluate a system.

    Attributes
    ----------
    problem : Problem
        The system, at one of the points.
    dimensions : int
        How many dimensions the batch has: 0 for one point.
    at, parameters : mapping of str to array-like
        Values by name; those of a batch with exactly its dimensions before their own, of extent 1 where a value holds
        for all.
    batched : tuple of str
        Which parameters have the batch's dimensions.
    count : int
        Extent of the first of them.
    """

    problem: Problem
    dimensions: int
    at: Mapping[str, ArrayLike]
    parameters: Mapping[str, ArrayLike]
    batched: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Given:
    """Arrays by name, and how many dimensions each has before its own; those that are left out hold for all points."""

    arrays: Mapping[str, Array]
    leading: Mapping[str, int] = field(default_factory=dict)

    def first(self, values: Mapping[str, ArrayLike]) -> dict[str, ArrayLike]:
        """Return the values, those with points as they are at the first of them."""
        return {
            name: self.arrays[name][(0,) * self.leading[name]] if name in self.leading else value
            for name, value in values.items()
        }

    def aligned(self, dimensions: int) -> dict[str, Array]:
        """Return the arrays that have points, with the batch's dimensions: 1 each where they have fewer."""
        return {
            name: self.arrays[name].reshape((1,) * (dimensions - count) + self.arrays[name].shape)
            for name, count in self.leading.items()
        }


def to_points(
    equations: Equations,
    at: Point,
    parameters: Parameters | None,
    method: JacobianArgument,
    *,
    batch: int | None = None,
    batched_parameters: Sequence[str] = (),
) -> Points:
    """Read a caller's arguments.

    Parameters
    ----------
    equations, at, parameters, method
        As the client's methods take them.
    batch : int, optional
        How many leading dimensions of what `at` holds count points. Default: told by the shapes of a compiled system,
        else none.
    batched_parameters : sequence of str
        Parameters that have these dimensions too; of a compiled system their shapes tell.

    Raises
    ------
    InvalidRequestError
        If they cannot be what was meant; what only the server can see is left to it.
    TraceError
        If a function cannot be traced.
    """
    names = _to_names(batched_parameters, parameters)
    dimensions, points, given = _leading(equations, at, parameters or {}, names, _to_dimensions(batch))
    if not dimensions:
        problem = to_problem(equations, at, parameters, method, point_field="at", jacobian_field="method")
        return Points(problem, 0, problem.point, problem.parameters)
    _check_extents(points, "at")
    _check_extents(given, "parameters")
    first = points.first(at if isinstance(at, Mapping) else points.arrays)
    problem = to_problem(
        equations,
        first.get(_UNNAMED, first),
        given.first(parameters or {}),
        method,
        point_field="at",
        jacobian_field="method",
    )
    return _joined(problem, dimensions, points, given)


def _leading(
    equations: Equations, at: Point, parameters: Parameters, names: Sequence[str], dimensions: int | None
) -> tuple[int, _Given, _Given]:
    """Return how many dimensions the batch has, and the points and parameters that have them."""
    if isinstance(equations, CompiledSystem):
        if not dimensions and _is_one_point(equations, at, parameters):
            return 0, _Given({}), _Given({})
        points, given = _by_declaration(equations, at, parameters, names)
        found = max([*points.leading.values(), *given.leading.values()], default=0)
        if dimensions is not None and dimensions != found:
            raise InvalidRequestError.at("batch", f"{dimensions}; the arrays have {found} dimensions before their own")
        return found, points, given
    if not dimensions:
        if names:
            description = f"{names[0]!r} has as many dimensions before its own as batch says; expected batch=1, or more"
            raise InvalidRequestError.at("batched_parameters", description)
        return 0, _Given({}), _Given({})
    return dimensions, *_by_count(at, parameters, names, dimensions)


def _joined(problem: Problem, dimensions: int, points: _Given, given: _Given) -> Points:
    at = points.aligned(dimensions)
    if _UNNAMED in at:
        at = {next(iter(problem.point)): at[_UNNAMED]}
    batched = given.aligned(dimensions)
    for name in batched:
        if name in problem.fixed:
            description = f"{name!r} is used as a range or an index, so its value belongs to the system; expected one"
            raise InvalidRequestError.at("batched_parameters", description)
    values = tuple((name, value) for name, value in problem.definition.values if name not in batched)
    problem = replace(problem, definition=replace(problem.definition, values=values))
    count = max(array.shape[0] for array in (*at.values(), *batched.values()))
    return Points(problem, dimensions, at, {**problem.parameters, **batched}, tuple(batched), count)


def _by_count(at: Point, parameters: Parameters, names: Sequence[str], dimensions: int) -> tuple[_Given, _Given]:
    """Take as many dimensions off as the caller says; a number stands for all points."""
    values = at if isinstance(at, Mapping) else {_UNNAMED: at}
    points = {name: to_array(value, f"at[{name}]" if name else "at") for name, value in values.items()}
    given = {name: to_array(parameters[name], f"parameters[{name}]") for name in names}
    for kind, arrays in (("at", points), ("parameters", given)):
        for name, array in arrays.items():
            if array.ndim and array.ndim < dimensions:
                where = f"{kind}[{name}]" if name else kind
                raise InvalidRequestError.at(where, f"shape {array.shape}; expected {dimensions} dimensions of points")
    return (
        _Given(points, {name: min(dimensions, array.ndim) for name, array in points.items()}),
        _Given(given, {name: min(dimensions, array.ndim) for name, array in given.items()}),
    )


def _by_declaration(
    system: CompiledSystem, at: Point, parameters: Parameters, names: Sequence[str]
) -> tuple[_Given, _Given]:
    """Take off what an array has before the shape that its name is declared with."""
    if isinstance(at, Mapping):
        points = {name: to_array(value, f"at[{name}]") for name, value in at.items()}
    else:
        points = split_points(to_array(at, "at"), system, "at")
    given = {name: to_array(value, f"parameters[{name}]") for name, value in parameters.items()}
    shapes = dict(system.variables)
    leading = {name: _before(array, shapes.get(name, array.shape), f"at[{name}]") for name, array in points.items()}
    shapes = dict(system.parameters)
    before = {
        name: _before(array, shapes.get(name, array.shape), f"parameters[{name}]") for name, array in given.items()
    }
    return (
        _Given(points, leading),
        _Given(given, {name: count for name, count in before.items() if count or name in names}),
    )


def _is_one_point(system: CompiledSystem, at: Point, parameters: Parameters) -> bool:
    """Tell the usual case at a glance: all numbers are floats or arrays just as they are declared."""
    if isinstance(at, Mapping):
        return _as_declared(at, system.variables) and _as_declared(parameters, system.parameters)
    return getattr(at, "shape", None) == (system.n,) and _as_declared(parameters, system.parameters)


def _as_declared(values: Mapping[str, ArrayLike], declared: Sequence[tuple[str, Shape]]) -> bool:
    shapes = dict(declared)
    for name, value in values.items():
        shape = () if type(value) is float else getattr(value, "shape", None)
        if shape != shapes.get(name):
            return False
    return True


def _before(array: Array, shape: Shape, where: str) -> int:
    count = array.ndim - len(shape)
    if count < 0 or array.shape[count:] != tuple(shape):
        description = f"shape {array.shape}; expected {tuple(shape)}, after the dimensions of a batch if there is one"
        raise InvalidRequestError.at(where, description)
    return count


def split_points(flat: Array, system: CompiledSystem, field: str) -> dict[str, Array]:
    """Cut vectors of all unknowns into the variables.

    Raises
    ------
    InvalidRequestError
        If they have not as many numbers as the variables together.
    """
    if flat.ndim == 0 or flat.shape[-1] != system.n:
        expected = f"({system.n},), or (…, {system.n}) for many points, or a mapping"
        raise InvalidRequestError.at(field, f"an array of shape {flat.shape}; expected {expected}")
    parts: dict[str, Array] = {}
    first = 0
    for name, shape in system.variables:
        last = first + math.prod(shape)
        parts[name] = flat[..., first:last].reshape((*flat.shape[:-1], *shape))
        first = last
    return parts


def _check_extents(given: _Given, kind: str) -> None:
    for name, count in given.leading.items():
        shape = given.arrays[name].shape
        if 0 in shape[:count]:
            where = f"{kind}[{name}]" if name else kind
            raise InvalidRequestError.at(where, f"shape {shape} has no points; expected at least one")


def _to_dimensions(batch: object) -> int | None:
    if batch is None:
        return None
    if isinstance(batch, numbers.Integral) and not isinstance(batch, bool) and 0 <= int(batch) <= MOST_DIMENSIONS:
        return int(batch)
    description = f"{batch!r}; expected how many leading dimensions count points, 0 to {MOST_DIMENSIONS}"
    raise InvalidRequestError.at("batch", description)


def _to_names(names: object, parameters: Parameters | None) -> tuple[str, ...]:
    if names == ():
        return ()
    known = parameters if isinstance(parameters, Mapping) else {}
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise InvalidRequestError.at("batched_parameters", f"{names!r} is not a list of names")
    for name in names:
        if name not in known:
            raise InvalidRequestError.at("batched_parameters", f"{name!r} is not among the parameters")
    return tuple(names)
