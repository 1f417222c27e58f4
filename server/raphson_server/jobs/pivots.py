"""A system whose batches give the same bits in every process: what it would choose as it goes is chosen by the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import raphson_solver as rs

    from raphson_server.jobs.columns import Array

PILOTS = 64
"""Members that the order of pivots is chosen from."""


def settle(system: rs.System, start: Array, given: Array, *, in_lanes: bool) -> None:
    """Let some members choose the order of pivots; if none of them is finite, the engine has all of the job.

    Parameters
    ----------
    system : System
    start, given : ndarray, shapes (count or none, n) and (count or none, k)
        Starts and parameters of some members.
    in_lanes : bool
        Whether there are enough rows to pay for code of their own.
    """
    is_sound = np.isfinite(start).all(axis=-1) & np.isfinite(given).all(axis=-1)
    sound = np.flatnonzero(is_sound) if is_sound.ndim else np.zeros(int(is_sound), np.intp)
    if not sound.size:
        in_lanes, start = False, np.zeros(system.n)
    else:
        start, given = (rows if rows.ndim == 1 else rows[sound] for rows in (start, given))
    system.settle_batches(start, given, in_lanes=in_lanes)
