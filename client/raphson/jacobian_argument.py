"""The `jacobian` argument: where derivatives come from, or the caller's own expressions."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raphson.errors import InvalidRequestError
from raphson.unknowns import unknown_names
from raphson.vocabulary import JacobianMode, JacobianName, to_jacobian_mode

if TYPE_CHECKING:
    from raphson.arrays import Shape

Expression = str | float
JacobianRows = Sequence[Sequence[Expression]]
JacobianEntries = Mapping[tuple[int, int | str], Expression]
JacobianArgument = JacobianName | JacobianMode | JacobianRows | JacobianEntries
Rows = tuple[tuple[str, ...], ...]


def to_mode_and_rows(
    jacobian: JacobianArgument, variables: Sequence[tuple[str, Shape]], equation_count: int, field: str
) -> tuple[JacobianMode, Rows | None]:
    """Read where derivatives come from.

    Parameters
    ----------
    jacobian : str, JacobianMode, nested sequence or mapping
        A mode; or m rows of n expressions; or only the entries that are not zero, as a mapping
        ``(equation, unknown) → expression``, the unknown by number or by name (``"x"``, ``"u[3]"``).
    variables : sequence of (str, tuple of int)
        Names and shapes, in the order of the columns.
    equation_count : int
        Rows of a mapping's matrix, unless an entry lies further down.
    field : str
        What to call the argument in errors.

    Returns
    -------
    mode : JacobianMode
    rows : tuple of tuple of str, or None
        The caller's expressions, if there are any.
    """
    if isinstance(jacobian, Mapping):
        return JacobianMode.ANALYTIC, _from_entries(jacobian, variables, equation_count, field)
    if isinstance(jacobian, str) or not isinstance(jacobian, Sequence):
        return to_jacobian_mode(jacobian, field), None
    for i, row in enumerate(jacobian):
        if isinstance(row, str) or not isinstance(row, Sequence):
            raise InvalidRequestError.at(f"{field}[{i}]", f"{row!r} is not a row; expected a list of n expressions")
    rows = tuple(
        tuple(_expression(entry, f"{field}[{i}][{j}]") for j, entry in enumerate(row)) for i, row in enumerate(jacobian)
    )
    return JacobianMode.ANALYTIC, rows


def _from_entries(
    entries: JacobianEntries, variables: Sequence[tuple[str, Shape]], equation_count: int, field: str
) -> Rows:
    columns = {name: column for column, name in enumerate(unknown_names(variables))}
    placed: dict[tuple[int, int], str] = {}
    for place, entry in entries.items():
        name = f"{field}[{place!r}]"
        if not (isinstance(place, tuple) and len(place) == 2 and isinstance(place[0], int) and place[0] >= 0):
            raise InvalidRequestError.at(name, "expected (equation number from 0, unknown) → expression")
        row, unknown = place
        column = unknown if isinstance(unknown, int) else columns.get(unknown.replace(" ", ""), -1)
        if not 0 <= column < len(columns):
            shown = ", ".join(list(columns)[:8]) + (", …" if len(columns) > 8 else "")
            raise InvalidRequestError.at(name, f"{unknown!r} is not an unknown; expected one of {shown}")
        placed[row, column] = _expression(entry, name)
    height = max([equation_count, *(row + 1 for row, _ in placed)])
    return tuple(tuple(placed.get((i, j), "0") for j in range(len(columns))) for i in range(height))


def _expression(entry: Any, field: str) -> str:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, numbers.Real) and math.isfinite(entry):
        return repr(float(entry))
    raise InvalidRequestError.at(field, f"{entry!r} is not an expression; expected text or a finite number")
