"""One V-cycle of multigrid, level by level: smoothing, what is left of the right side, and the way down and up.

In single precision: a preconditioner needs few digits, and moves half the bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.jit import entry

Singles = NDArray[np.float32]
Places = NDArray[np.int32]


@entry
def smooth_from_zero(
    starts: Places, diagonal: Places, columns: Places, values: Singles, inverses: Singles, right: Singles, x: Singles
) -> None:
    """Set x to one sweep of Gauss and Seidel, first row to last, from zero.

    Columns ascend in each row, `diagonal` says where theirs stands, and `inverses` are one over it.
    """
    for i in range(right.size):
        total = right[i]
        for place in range(starts[i], diagonal[i]):
            total -= values[place] * x[columns[place]]
        x[i] = total * inverses[i]


@entry
def smooth_backwards(
    starts: Places, columns: Places, values: Singles, inverses: Singles, right: Singles, x: Singles
) -> None:
    """Improve x by one sweep, last row to first."""
    for i in range(right.size - 1, -1, -1):
        total = right[i]
        for place in range(starts[i], starts[i + 1]):
            total -= values[place] * x[columns[place]]
        x[i] += total * inverses[i]


@entry
def left_over(starts: Places, diagonal: Places, columns: Places, values: Singles, x: Singles, out: Singles) -> None:
    """Leave in `out` what `smooth_from_zero` left of the right side: each row was solved with what came before it."""
    for i in range(out.size):
        total = np.float32(0.0)
        for place in range(diagonal[i] + 1, starts[i + 1]):
            total -= values[place] * x[columns[place]]
        out[i] = total


@entry
def multiply(starts: Places, columns: Places, values: Singles, x: Singles, out: Singles, adds: bool) -> None:
    """Leave A·x in `out`, or add it to what is there."""
    for i in range(out.size):
        total = np.float32(0.0)
        for place in range(starts[i], starts[i + 1]):
            total += values[place] * x[columns[place]]
        out[i] = out[i] + total if adds else total
