"""A chunk's members, of which some may begin nowhere, or where another ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs
from numpy.typing import NDArray

if TYPE_CHECKING:
    from raphson_server.jobs.columns import Array


@dataclass(frozen=True, slots=True)
class Members:
    """Where the iterations of a chunk ended, a row a member; see `rs.batch.BatchSolution`."""

    x: Array
    status: NDArray[np.int8]
    residual_norm: Array
    iterations: NDArray[np.integer]


def solve_members(
    system: rs.System, start: Array, given: Array, count: int, options: rs.SolveOptions, *, warm: bool
) -> Members:
    """Solve the members of a chunk.

    Parameters
    ----------
    system : System
    start, given : ndarray, shapes (count or none, n) and (count or none, k)
        Starts and parameters, of each or of all. A member for which either is not finite ends with `DOMAIN_ERROR`.
    count : int
        How many members.
    options : SolveOptions
        Of each.
    warm : bool
        Whether members begin at the root of one before them where that leads to a root.
    """
    if not count:
        nothing = np.empty(0)
        return Members(np.empty((0, system.n)), nothing.astype(np.int8), nothing, nothing.astype(np.int32))
    is_sound = np.isfinite(start).all(axis=-1) & np.isfinite(given).all(axis=-1)
    if is_sound.ndim == 0 or is_sound.all():
        return _solve_sound(system, start, given, options, warm=warm)
    sound = np.flatnonzero(is_sound)
    if not sound.size:
        return _unsound(system.n, start, count)
    found = _solve_sound(system, _of(start, sound), _of(given, sound), options, warm=warm)
    whole = _unsound(system.n, start, count)
    for all_rows, some in (
        (whole.x, found.x),
        (whole.status, found.status),
        (whole.residual_norm, found.residual_norm),
        (whole.iterations, found.iterations),
    ):
        all_rows[sound] = some
    return whole


def _solve_sound(system: rs.System, start: Array, given: Array, options: rs.SolveOptions, *, warm: bool) -> Members:
    # One thread: the processes are the threads.
    how = rs.WarmStart.PREVIOUS if warm else None
    found = system.solve_batch(start, given, options, threads=1, warm_start=how)
    return Members(found.x, found.status, found.residual_norm, found.iterations)


def _unsound(n: int, start: Array, count: int) -> Members:
    """Return members that were not solved, all where they would have begun."""
    return Members(
        np.array(np.broadcast_to(start, (count, n))),
        np.full(count, int(rs.Status.DOMAIN_ERROR), np.int8),
        np.full(count, np.nan),
        np.zeros(count, np.int32),
    )


def _of(rows: Array, which: NDArray[np.intp]) -> Array:
    """Return some rows, or the one that holds for all."""
    some: Array = rows if rows.ndim == 1 else rows[which]
    return some
