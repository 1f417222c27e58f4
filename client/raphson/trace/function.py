"""Runs a Python function once on traced values and writes what it computed as equations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.errors import InvalidRequestError, TraceError
from raphson.trace.array import TracedArray
from raphson.trace.graph import Graph
from raphson.trace.refusals import of_compiled_code
from raphson.trace.scalar import TracedScalar
from raphson.trace.text import write_equations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from raphson.trace.tables import Table

Function = Callable[..., Any]
Kind = inspect.Parameter


@dataclass(frozen=True, slots=True)
class TracedEquations:
    """A function as text.

    Attributes
    ----------
    equations : tuple of str
        Definitions first, then one expression a residual, each to be zero.
    m : int
        How many residuals; families hold several.
    fixed : dict of str to ndarray of float64
        Parameters whose whole-number values the function used as a range or an index, with these values:
        the equations hold for no other.
    tables : dict of str to ndarray
        Parameters besides the caller's, with their values: coefficients (float64), and whole numbers (int64) that
        the equations use as a range or an index. Their names are none of the caller's.
    """

    equations: tuple[str, ...]
    m: int
    fixed: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


def trace_function(
    function: Function,
    variables: Mapping[str, tuple[int, ...]],
    parameters: Mapping[str, tuple[int, ...]],
    integers: Mapping[str, NDArray[np.int64]] | None = None,
    *,
    point_field: str = "start",
    with_coefficients: bool = True,
) -> TracedEquations:
    """Write a function of NumPy code as equations.

    The function runs once, on stand-ins for its arguments that record what is computed from them. Of that, like
    equations become families and like terms reductions; what several equations share is computed once.

    Parameters
    ----------
    function : callable
        Takes the variables and parameters by name; returns m residuals as a list, an array or a scalar.
    variables, parameters : mapping of str to tuple of int
        Shape of each; ``()`` for a scalar.
    integers : mapping of str to ndarray of int64, optional
        Values of the parameters that may be used as a range or an index.
    point_field : str
        What errors call the argument that names the variables.
    with_coefficients : bool
        Whether constants of the function may be put into tables of coefficients, rather than into the text.

    Returns
    -------
    TracedEquations
        The text.

    Raises
    ------
    InvalidRequestError
        If the function's arguments are not the variables and parameters.
    TraceError
        If the function does what a formula cannot; says the line.
    """
    check_arguments(function, variables, parameters, point_field)
    graph = Graph()
    known = integers or {}
    arguments = {
        name: graph.name(name, shape, known.get(name)) for name, shape in (*variables.items(), *parameters.items())
    }
    try:
        result = call_by_name(function, arguments)
    except (TypeError, ValueError) as error:
        explained = of_compiled_code(error)
        if explained is None:
            raise
        raise explained from error
    residuals = list(residuals_of(graph, result))
    text = write_equations(graph, residuals, arguments.keys(), with_coefficients=with_coefficients)
    fixed = {name: known[name].astype(np.float64) for name in sorted(graph.fixed)}
    return TracedEquations(text.definitions + text.residuals, len(residuals), fixed, text.tables)


def first_argument(function: Function) -> str:
    """Return the name of a function's first argument, which takes a plain array of unknowns."""
    for name, parameter in signature(function).parameters.items():
        if parameter.kind in (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD):
            return name
    raise InvalidRequestError.at("start", f"{name_of(function)} takes no argument by position: give a mapping by name")


def check_arguments(
    function: Function, variables: Mapping[str, Any], parameters: Mapping[str, Any], point_field: str
) -> None:
    """Refuse names that the function does not take, or that it takes and nobody gave."""
    given = {**variables, **parameters}
    takes = signature(function).parameters
    named = {name for name, kind in takes.items() if kind.kind not in (Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD)}
    if not any(kind.kind is Kind.VAR_KEYWORD for kind in takes.values()):
        for name in given:
            if name not in named:
                room = point_field if name in variables else "parameters"
                message = f"{name_of(function)} takes no argument {name!r}; it takes {', '.join(takes) or 'none'}"
                raise InvalidRequestError.at(f"{room}[{name}]", message)
    for name in named:
        if name not in given and takes[name].default is Kind.empty:
            message = f"{name_of(function)} takes an argument {name!r} that is neither in start nor in parameters"
            raise InvalidRequestError.at("equations", message)


def call_by_name(function: Function, arguments: Mapping[str, Any]) -> Any:
    """Call a function with all its arguments by name, those that are positional only included."""
    takes = signature(function).parameters
    positional = [
        arguments[name]
        for name, parameter in takes.items()
        if parameter.kind is Kind.POSITIONAL_ONLY and name in arguments
    ]
    positional_names = {name for name, kind in takes.items() if kind.kind is Kind.POSITIONAL_ONLY}
    return function(*positional, **{name: value for name, value in arguments.items() if name not in positional_names})


def residuals_of(graph: Graph, result: Any) -> Iterator[TracedScalar]:
    """Yield the residuals that a function returned, in C order."""
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if isinstance(value, TracedScalar):
            if value.operation.yields_condition:
                raise TraceError("the function returns a comparison; return the difference of both sides, a - b")
            yield value
        elif isinstance(value, (TracedArray, np.ndarray)):
            waiting.extend(graph.nodes(value).ravel()[::-1])
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            waiting.extend(reversed(value))
        elif value is None:
            raise TraceError("the function returns None; return a list or an array of residuals")
        elif isinstance(value, (int, float, np.number)):
            yield graph.lift(value)
        else:
            raise TraceError(f"the function returns {value!r}; return a list or an array of residuals")


def signature(function: Function) -> inspect.Signature:
    """Return a function's signature, or say that it has none."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise TraceError(f"{name_of(function)} has no signature that Python can read: wrap it in a lambda") from error


def name_of(function: Function) -> str:
    """Return how to call a function in a message."""
    return f"{getattr(function, '__qualname__', repr(function))}()"
