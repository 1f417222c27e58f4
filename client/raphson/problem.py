"""From what a caller gives (text, a function or a handle, a start and parameters) to what can be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson.arrays import WIRE, Array, Shape, split, to_array
from raphson.compiled import CompiledSystem
from raphson.definition import Definition
from raphson.errors import InvalidRequestError
from raphson.jacobian_argument import JacobianArgument, to_mode_and_rows
from raphson.trace import first_argument, trace_function
from raphson.trace.tables import Table
from raphson.vectors import zeros_of
from raphson.vocabulary import JacobianMode

Equations = str | Sequence[str] | Callable[..., Any] | CompiledSystem
Point = Mapping[str, ArrayLike] | ArrayLike
Parameters = Mapping[str, ArrayLike]

NAME = re.compile(r"[^\W\d]\w*")
# Only a text with a family, a reduction or an index can make a parameter's value a part of the system.
MAY_BE_STRUCTURAL = re.compile(r"\bfor\b|\[")
DEFINES = re.compile(r"\s*[^\W\d]\w*\s*:=")


@dataclass(frozen=True, slots=True)
class Problem:
    """A system with the values that a request takes along.

    Attributes
    ----------
    definition : Definition
        The system in full.
    system_id : str
        Its id if known, else empty.
    point, parameters : mapping of str to array-like
        Values by name; the tables' coefficients stand after the caller's parameters.
    mode : JacobianMode
        Where derivatives come from.
    fixed : mapping of str to ndarray
        Parameters whose values the definition holds for alone.
    tables : mapping of str to ndarray
        Parameters that are not the caller's, with the values that a traced function gave them; see
        `TracedEquations.tables`.
    registered : str
        The name of a registered function, which then has no equations.
    """

    definition: Definition
    system_id: str
    point: Mapping[str, ArrayLike]
    parameters: Parameters
    mode: JacobianMode
    fixed: Mapping[str, Array]
    tables: Mapping[str, Table] = field(default_factory=dict)
    registered: str = ""

    @property
    def variables(self) -> tuple[tuple[str, Shape], ...]:
        """Names and shapes of the unknowns, in order."""
        return self.definition.variables

    @property
    def key(self) -> Hashable:
        """What a client remembers the server's id of it under."""
        return self.system_id or self.definition


def to_problem(
    equations: Equations,
    point: Point,
    parameters: Parameters | None,
    jacobian: JacobianArgument,
    *,
    point_field: str = "start",
    jacobian_field: str = "jacobian",
    with_coefficients: bool = True,
) -> Problem:
    """Read a caller's arguments.

    Parameters
    ----------
    equations, point, parameters, jacobian
        As the client's methods take them.
    point_field, jacobian_field : str
        What errors call two of them.
    with_coefficients : bool
        Whether constants of a traced function may become parameters; they may not where all parameters count.

    Raises
    ------
    InvalidRequestError
        If they cannot be what was meant; what only the server can see is left to it.
    TraceError
        If a function cannot be traced.
    """
    given = {} if parameters is None else mapping(parameters, "parameters")
    if isinstance(equations, CompiledSystem):
        return _of_compiled(equations, point, given, jacobian, point_field, jacobian_field)
    known = {name: to_array(value, f"parameters[{name}]") for name, value in given.items()}
    shapes = tuple((name, value.shape) for name, value in known.items())
    fixed: Mapping[str, Array] = {}
    tables: Mapping[str, Table] = {}
    if callable(equations):
        start = by_name(equations, point, point_field)
        variables = tuple((name, value.shape) for name, value in start.items())
        refuse_shared(start, known)
        traced = trace_function(
            equations,
            dict(variables),
            dict(shapes),
            whole_numbers(given),
            point_field=point_field,
            with_coefficients=with_coefficients,
        )
        texts, fixed, tables, count = traced.equations, traced.fixed, traced.tables, traced.m
    else:
        start = {name: to_array(value, f"{point_field}[{name}]") for name, value in mapping(point, point_field).items()}
        variables = tuple((name, value.shape) for name, value in start.items())
        texts = to_texts(equations)
        count = sum(not DEFINES.match(text) for text in texts) if isinstance(jacobian, Mapping) else 0
    mode, rows = to_mode_and_rows(jacobian, variables, count, jacobian_field)
    if callable(equations):
        shapes += tuple((name, table.shape) for name, table in tables.items())
        values = tuple((name, table.astype(WIRE).tobytes()) for name, table in tables.items() if is_structural(table))
    else:
        values = structural_candidates((*texts, *sum(rows or (), ())), known)
    definition = Definition(texts, variables, shapes, values, rows)
    return Problem(definition, "", start, {**known, **coefficients_of(tables)}, mode, fixed, tables)


def to_shaped_problem(
    equations: Equations,
    point: Point | None,
    variables: Mapping[str, Sequence[int]] | Sequence[str] | None,
    parameters: Parameters | Sequence[str] | None,
    jacobian: JacobianArgument = "exact",
    *,
    point_field: str = "start",
) -> Problem:
    """Read a caller's arguments where only names and shapes are needed: of a point, or of declarations.

    Raises
    ------
    InvalidRequestError
        If the unknowns are told both ways or neither, or as `to_problem`.
    """
    if (point is None) == (variables is None):
        description = f"expected either {point_field} or variables, to know the names of the unknowns"
        raise InvalidRequestError.at(point_field, description)
    if point is None:
        point = zeros_of(variables, "variables")
    if parameters is not None and not isinstance(parameters, Mapping):
        parameters = zeros_of(parameters, "parameters")
    return to_problem(equations, point, parameters, jacobian, point_field=point_field)


def _of_compiled(
    system: CompiledSystem,
    point: Point,
    parameters: Parameters,
    jacobian: JacobianArgument,
    point_field: str,
    jacobian_field: str,
) -> Problem:
    if not isinstance(point, Mapping):
        point = split(to_array(point, point_field), system.variables, point_field)
    if system.fixed:
        parameters = _with_fixed(system.fixed, parameters)
    if system.tables:
        parameters = _with_tables(system.tables, parameters)
    if type(jacobian) is str or isinstance(jacobian, JacobianMode):
        mode, _ = to_mode_and_rows(jacobian, (), 0, jacobian_field)
        return Problem(
            system.definition, system.id, point, parameters, mode, system.fixed, system.tables, system.registered
        )
    if system.registered:
        what = f"expressions, but {system.registered!r} is a registered function"
        raise InvalidRequestError.at(jacobian_field, f"{what}; expected 'analytic', 'forward' or 'central'")
    mode, rows = to_mode_and_rows(jacobian, system.variables, system.m, jacobian_field)
    definition = replace(system.definition, jacobian=rows)
    return Problem(definition, "", point, parameters, mode, system.fixed, system.tables)


def _with_fixed(fixed: Mapping[str, Array], parameters: Parameters) -> Parameters:
    """Fill in the parameters that are a part of the system, and refuse other values for them."""
    for name, value in fixed.items():
        field = f"parameters[{name}]"
        if name in parameters and not np.array_equal(to_array(parameters[name], field), value):
            raise InvalidRequestError.at(
                field,
                f"{parameters[name]!r} differs from {value.tolist()!r}, which is part of the compiled system "
                "because the equations use it as a range or an index; leave it out, or compile again",
            )
    return {**fixed, **parameters}


def _with_tables(tables: Mapping[str, Table], parameters: Parameters) -> Parameters:
    """Add a traced function's coefficients, and refuse parameters of a table's name."""
    for name in tables:
        if name in parameters:
            raise InvalidRequestError.at(f"parameters[{name}]", "is not a parameter of the compiled system")
    return {**parameters, **coefficients_of(tables)}


def coefficients_of(tables: Mapping[str, Table]) -> dict[str, Array]:
    """Return the tables that go with each request; the others are a part of the definition."""
    return {name: table.astype(np.float64, copy=False) for name, table in tables.items() if not is_structural(table)}


def is_structural(table: Table) -> bool:
    """Tell a table of whole numbers for indices and ranges from one of coefficients."""
    return table.dtype.kind == "i"


def to_texts(equations: object) -> tuple[str, ...]:
    """Read one or several equations."""
    if isinstance(equations, str):
        return (equations,)
    if not isinstance(equations, Sequence):
        description = f"{equations!r} is neither text, a list of texts, a function nor a compiled system"
        raise InvalidRequestError.at("equations", description)
    for i, text in enumerate(equations):
        if not isinstance(text, str):
            raise InvalidRequestError.at(f"equations[{i}]", f"{text!r} is not text; expected e.g. 'x**2 = 2'")
    return tuple(equations)


def structural_candidates(texts: Sequence[str], parameters: Mapping[str, Array]) -> tuple[tuple[str, bytes], ...]:
    """Return the values that may be part of the system: whole numbers that the text could use so."""
    whole = {name: value for name, value in parameters.items() if np.array_equal(value, np.floor(value))}
    if not whole or not any(MAY_BE_STRUCTURAL.search(text) for text in texts):
        return ()
    mentioned = {name for text in texts for name in NAME.findall(text)}
    return tuple((name, value.astype(WIRE).tobytes()) for name, value in whole.items() if name in mentioned)


def whole_numbers(parameters: Parameters) -> dict[str, NDArray[np.int64]]:
    """Return the parameters that were given as integers, which a traced function may use as a range."""
    arrays = {name: np.asarray(value) for name, value in parameters.items()}
    return {name: array.astype(np.int64) for name, array in arrays.items() if array.dtype.kind in "iu"}


def by_name(function: Callable[..., Any], point: Point, field: str) -> dict[str, Array]:
    """Read a point for a function: a plain array goes to its first argument."""
    if not isinstance(point, Mapping):
        return {first_argument(function): to_array(point, field)}
    return {name: to_array(value, f"{field}[{name}]") for name, value in mapping(point, field).items()}


def mapping(values: object, field: str) -> Mapping[str, ArrayLike]:
    """Return values by name, or refuse what has none."""
    if not isinstance(values, Mapping):
        example = "{'r': 2.0}" if field == "parameters" else "{'x': 1.0}"
        description = f"{values!r} is not a mapping; expected name → value, e.g. {example}"
        raise InvalidRequestError.at(field, description)
    for name in values:
        if not isinstance(name, str):
            raise InvalidRequestError.at(field, f"{name!r} is not a name; expected the name that the equations use")
    return values


def refuse_shared(variables: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Refuse names that stand for a variable and a parameter."""
    for name in variables:
        if name in parameters:
            description = "is a variable too; expected each name once"
            raise InvalidRequestError.at(f"parameters[{name}]", description)
