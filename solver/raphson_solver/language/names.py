"""What a name stands for, and what to suggest for one that stands for nothing."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.expression import operations
from raphson_solver.expression.operations import Operation
from raphson_solver.language.definition import Definition, Shape, Table, size
from raphson_solver.language.parser import REDUCTIONS
from raphson_solver.language.tokens import KEYWORDS, clip
from raphson_solver.limits import Limits

CONSTANTS = {"pi": np.pi, "e": np.e}

FUNCTIONS: dict[str, Operation] = operations.FUNCTIONS | {
    "asin": operations.ARCSIN,
    "acos": operations.ARCCOS,
    "atan": operations.ARCTAN,
    "atan2": operations.ARCTAN2,
    "asinh": operations.ARCSINH,
    "acosh": operations.ARCCOSH,
    "atanh": operations.ARCTANH,
    "absolute": operations.ABS,
    "fabs": operations.ABS,
}
# Functions that are written with other operations: name → number of arguments.
WRITTEN = {"square": 1, "reciprocal": 1, "negative": 1, "power": 2, "pow": 2, "where": 3}

RESERVED = KEYWORDS | FUNCTIONS.keys() | WRITTEN.keys() | REDUCTIONS | {"pi", "range", "lambda"}

_LONGEST_SUGGESTED = 40
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@dataclass(frozen=True, slots=True)
class Array:
    """A declared variable or parameter and where its numbers lie.

    Attributes
    ----------
    shape : tuple of int
        Extent of each dimension.
    offset : int
        Place of its first number in x (or p).
    is_variable : bool
        Whether it belongs to x.
    values : ndarray of int64, optional
        Its numbers, if they are part of the system.
    """

    shape: Shape
    offset: int
    is_variable: bool
    values: NDArray[np.int64] | None = None


def declare(definition: Definition, structural: set[str], limits: Limits) -> dict[str, Array]:
    """Give every declared name its place.

    Parameters
    ----------
    definition : Definition
        What the caller says.
    structural : set of str
        Names that the text uses in a range or as an index.

    Raises
    ------
    DefinitionError
        For a name that is no identifier, is taken, or has no whole number where one is needed.
    """
    arrays: dict[str, Array] = {}
    known = dict(definition.values)
    offset = 0
    for name, shape in definition.variables:
        field = f"start.{name}"
        _check_declaration(name, shape, field, arrays)
        if name in structural:
            raise DefinitionError(
                field, f"the variable '{clip(name)}' is used in a range or as an index; only parameters can be"
            )
        arrays[name] = Array(shape, offset, is_variable=True)
        offset += size(shape)
        if offset > limits.variables:
            raise LimitError(field, "variables", offset, limits.variables, "variables")
    offset = 0
    for name, shape in definition.parameters:
        field = f"parameters.{name}"
        _check_declaration(name, shape, field, arrays)
        if name in structural:
            arrays[name] = Array(shape, -1, is_variable=False, values=_whole(name, shape, known))
        else:
            arrays[name] = Array(shape, offset, is_variable=False)
            offset += size(shape)
        if offset > limits.parameters:
            raise LimitError(field, "parameters", offset, limits.parameters, "parameters")
    return arrays


def _check_declaration(name: str, shape: Shape, field: str, arrays: dict[str, Array]) -> None:
    if not _IDENTIFIER.fullmatch(name):
        raise DefinitionError(field, f"{clip(name)!r} is not a name: letters, digits and underscores, no digit first")
    if name in RESERVED:
        raise DefinitionError(field, f"the name '{clip(name)}' already stands for something in the language")
    if name in arrays:
        raise DefinitionError(field, f"the name '{clip(name)}' is declared twice")
    if any(extent < 0 for extent in shape):
        raise DefinitionError(field, f"the shape {shape} of '{clip(name)}' has a negative extent")


def _whole(name: str, shape: Shape, known: dict[str, tuple[float, ...] | Table]) -> NDArray[np.int64]:
    field = f"parameters.{name}"
    if name not in known:
        raise DefinitionError(
            field, f"'{clip(name)}' is used in a range or as an index, so its whole-number value must be given here"
        )
    if len(known[name]) != size(shape):
        raise DefinitionError(
            field, f"'{clip(name)}' has {len(known[name])} numbers; its shape {shape} holds {size(shape)}"
        )
    values = np.array(known[name], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~((np.floor(values) == values) & (np.abs(values) <= 2**53)))
    if bad.size:
        found = known[name][int(bad[0])]
        raise DefinitionError(
            field, f"'{clip(name)}' is used in a range or as an index, so it must be whole; found {found!r}"
        )
    return values.astype(np.int64).reshape(shape)


def suggestion(name: str, candidates: set[str]) -> str:
    """Return ``"; did you mean 'sin'?"`` or nothing."""
    if len(name) > _LONGEST_SUGGESTED:
        return ""
    close = difflib.get_close_matches(name, sorted(candidates), n=1)
    if not close and name.lower() != name:
        close = difflib.get_close_matches(name.lower(), sorted(candidates), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
