"""Starts and parameters as rows: one a member, or one for all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.points import broadcast, points
from raphson_solver.errors import InputError

if TYPE_CHECKING:
    from raphson_solver.solution.system import System

Array = NDArray[np.float64]
Which = slice | NDArray[np.int64]


def rows_of(
    system: System, start: ArrayLike | Mapping[str, Any], parameters: ArrayLike | Mapping[str, Any] | None
) -> tuple[Array, Array, int]:
    """Return starts and parameters as rows, one a member or one for all, and how many members there are.

    A parameter that is not finite is a matter of its member alone.
    """
    starts = points(start, system.variables, "start")
    if isinstance(parameters, Mapping):
        system.check_structural(parameters)
        parameters = {name: value for name, value in parameters.items() if name not in system.structural}
    given = points(parameters, system.free_parameters, "parameters", finite=False)
    batch = broadcast(starts.shape[:-1], given.shape[:-1], "parameters")
    if len(batch) > 1:
        raise InputError("start", f"a batch has one dimension, its members; found {batch}")
    rows = [each.reshape(math.prod(each.shape[:-1]), each.shape[-1]) for each in (starts, given)]
    return rows[0], rows[1], batch[0] if batch else 1


def of(rows: Array, which: Which) -> Array:
    """Return some rows, or the one that holds for all."""
    some: Array = rows if rows.shape[0] == 1 else rows[which]
    return some


def one_of(rows: Array, member: int) -> Array:
    """Return the row of a member."""
    row: Array = rows[0 if rows.shape[0] == 1 else member]
    return row
