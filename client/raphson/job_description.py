"""What a job is to do, written for the wire: a system, constants, an input and an output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.arrays import to_array, write_named
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.members import to_shapes
from raphson.problem import to_problem
from raphson.trace import first_argument
from raphson.v1 import job_pb2

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.arrays import Array
    from raphson.members import Shapes
    from raphson.problem import Equations, Parameters, Point, Problem

# Stands for a parameter that only rows have while a function is traced: no whole number, and so no index.
_ANY = 0.5
_FORMATS = {
    "parquet": job_pb2.TABLE_FORMAT_PARQUET,
    "arrow": job_pb2.TABLE_FORMAT_ARROW,
    "csv": job_pb2.TABLE_FORMAT_CSV,
}


def write_system(
    description: job_pb2.JobDescription,
    equations: Equations,
    start: Point | None,
    parameters: Mapping[str, ArrayLike | None] | None,
    shapes: Shapes | None,
) -> None:
    """Write the system with what is the same in all rows.

    Raises
    ------
    InvalidRequestError
        If the arguments cannot be what was meant.
    """
    given = {} if parameters is None else parameters
    if not isinstance(given, Mapping):
        description_ = f"{given!r} is not a mapping; expected name → value, or None where a column gives it"
        raise InvalidRequestError.at("parameters", description_)
    problem = _problem(equations, start, given, shapes)
    description.definition.CopyFrom(problem.definition.to_message())
    points: Mapping[str, Any] = problem.point if isinstance(problem.point, Mapping) else {}
    write_named(points, description.start, "start")
    by_row = {name for name, value in given.items() if value is None}
    constants = {name: value for name, value in problem.parameters.items() if name not in by_row}
    write_named(constants, description.parameters, "parameters")


def to_table(url: str | os.PathLike[str], format_: str | None, field: str) -> job_pb2.Table:
    """Write where a table is.

    Raises
    ------
    InvalidRequestError
        If it is no path, or the format is not known.
    """
    try:
        path = os.fspath(url)
    except TypeError:
        path = None
    if not isinstance(path, str) or not path:
        raise InvalidRequestError.at(field, f"{url!r} is not a path; expected a path of the server's machine or a URL")
    if format_ is not None and format_ not in _FORMATS:
        expected = ", ".join(map(repr, _FORMATS))
        raise InvalidRequestError.at(f"{field}_format", f"{format_!r} is not known; expected one of {expected}")
    return job_pb2.Table(url=path, format=job_pb2.TABLE_FORMAT_UNSPECIFIED if format_ is None else _FORMATS[format_])


def _problem(
    equations: Equations, start: Point | None, given: Mapping[str, ArrayLike | None], shapes: Shapes | None
) -> Problem:
    """Read the system; what only rows give stands there as any number."""
    if isinstance(equations, CompiledSystem):
        if shapes is not None:
            raise InvalidRequestError.at("shapes", "a compiled system knows its shapes; expected none")
        known = {name: value for name, value in given.items() if value is not None}
        return to_problem(equations, {} if start is None else start, known, "exact")
    if start is None:
        description = "missing; expected a value for each unknown, to know their names, and for rows that have none"
        raise InvalidRequestError.at("start", description)
    if not isinstance(start, Mapping):
        if not callable(equations):
            description = "an array without names; expected name → numbers, unless equations are a function or compiled"
            raise InvalidRequestError.at("start", description)
        start = {first_argument(equations): start}
    own = to_shapes(shapes)
    for name in own:
        if name not in given or given[name] is not None:
            description = "is no parameter that is None; expected shapes of those that a column gives alone"
            raise InvalidRequestError.at(f"shapes[{name}]", description)
    values: Parameters = {
        name: np.full(own.get(name, ()), _ANY) if value is None else _array(value, name)
        for name, value in given.items()
    }
    return to_problem(equations, start, values, "exact")


def _array(value: ArrayLike, name: str) -> Array | ArrayLike:
    to_array(value, f"parameters[{name}]")
    return value
