"""Sparse LU along a fixed pattern, with pivots in a fixed order, row by row.

Where the pattern of the factors is known, one pass over it makes them: row i is gathered into a dense row, loses a
multiple of each earlier row that it has an entry for, and is scattered again (the up-looking form of Gilbert & Peierls
1988, without its search). Nothing is chosen while that goes on, so a pivot may turn out small, and then the caller
chooses another order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.intrinsics import load_flag, monotonic_seconds
from raphson_solver.engine.jit import entry, jit

Floats = NDArray[np.float64]
Places = NDArray[np.int32]

_LOOK = 256


@entry
def symbolic(starts: Places, columns: Places, n: int) -> tuple[Any, Any, Any, Any]:
    """Return where the factors have entries.

    Parameters
    ----------
    starts, columns : ndarray of int32, shapes (n + 1,) and (entries,)
        Of the matrix, in the order of pivots, row by row, columns ascending; an entry may come more than once.
    n : int
        Its extent.

    Returns
    -------
    lower_starts, lower, upper_starts, upper : ndarray of int64 (starts) and int32
        Columns of L left of the diagonal, and of U right of it, row by row, ascending.
    """
    lower_starts, upper_starts = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    lower, upper = np.empty(2 * columns.size + n, np.int32), np.empty(2 * columns.size + n, np.int32)
    following = np.empty(n + 1, np.int32)
    for i in range(n):
        # The columns of row i as a list in ascending order, n at its end; the diagonal is always among them.
        head, last, place, has_diagonal = n, -1, starts[i], False
        while place < starts[i + 1] or not has_diagonal:
            j = columns[place] if place < starts[i + 1] else n
            if j >= i and not has_diagonal:
                j, has_diagonal = i, True
            else:
                place += 1
            if last < 0:
                head = j
            elif j != last:
                following[last] = j
            last = j
        following[last] = n
        k, count = head, lower_starts[i]
        while k < i:
            if count == lower.size:
                lower = _longer(lower)
            lower[count] = k
            count += 1
            place = k
            for other in range(upper_starts[k], upper_starts[k + 1]):
                j = upper[other]
                while following[place] < j:
                    place = following[place]
                if following[place] != j:
                    following[j] = following[place]
                    following[place] = j
                place = j
            k = following[k]
        lower_starts[i + 1] = count
        k, count = following[i], upper_starts[i]
        while k < n:
            if count == upper.size:
                upper = _longer(upper)
            upper[count] = k
            count += 1
            k = following[k]
        upper_starts[i + 1] = count
    return lower_starts, lower[: lower_starts[n]].copy(), upper_starts, upper[: upper_starts[n]].copy()


@jit
def _longer(values: Places) -> Places:
    longer = np.empty(2 * values.size, np.int32)
    longer[: values.size] = values
    return longer


@entry
def refactor(
    starts: Places,
    columns: Places,
    source: Places,
    values: Floats,
    lower_starts: NDArray[np.int64],
    lower: Places,
    upper_starts: NDArray[np.int64],
    upper: Places,
    lower_values: Floats,
    upper_values: Floats,
    inverses: Floats,
    row: Floats,
    noise: float,
    flag: int,
    deadline: float,
) -> int:
    """Make the factors of a matrix; return n, or the row of the first pivot that is only noise, or −1 if stopped.

    Parameters
    ----------
    starts, columns, source
        The matrix in the order of pivots: as for `symbolic`, and where in `values` each entry stands.
    values : ndarray
        Its entries, in an order of their own.
    lower_starts, lower, upper_starts, upper
        As of `symbolic`.
    lower_values, upper_values, inverses
        Receive L below its diagonal of ones, U above its diagonal, and one over that.
    row : ndarray, shape (2n,)
        Room.
    noise : float
        A pivot is noise if it is no larger than this times the largest entry of its column.
    flag, deadline
        The address of an int64 that stops the work when it is not zero, and when to stop; 0: never.
    """
    n = starts.size - 1
    for j in range(n):
        row[n + j] = 0.0
    for place in range(columns.size):
        j = columns[place]
        row[n + j] = max(row[n + j], abs(values[source[place]]))
    for i in range(n):
        if i % _LOOK == 0 and (load_flag(flag) != 0 or (deadline > 0.0 and monotonic_seconds() > deadline)):
            return -1
        first, last = lower_starts[i], lower_starts[i + 1]
        beyond, end = upper_starts[i], upper_starts[i + 1]
        for place in range(first, last):
            row[lower[place]] = 0.0
        for place in range(beyond, end):
            row[upper[place]] = 0.0
        row[i] = 0.0
        for place in range(starts[i], starts[i + 1]):
            row[columns[place]] += values[source[place]]
        for place in range(first, last):
            k = lower[place]
            multiple = row[k] * inverses[k]
            lower_values[place] = multiple
            if multiple != 0.0:
                for other in range(upper_starts[k], upper_starts[k + 1]):
                    row[upper[other]] -= multiple * upper_values[other]
        if not abs(row[i]) > noise * row[n + i]:
            return i
        inverses[i] = 1.0 / row[i]
        for place in range(beyond, end):
            upper_values[place] = row[upper[place]]
    return n


@entry
def substitute(
    rows: Places,
    columns: Places,
    lower_starts: NDArray[np.int64],
    lower: Places,
    upper_starts: NDArray[np.int64],
    upper: Places,
    lower_values: Floats,
    upper_values: Floats,
    inverses: Floats,
    right: Floats,
    work: Floats,
    solution: Floats,
) -> None:
    """Solve with the factors.

    Parameters
    ----------
    rows, columns : ndarray of int32, shape (n,)
        Which row, and which column, of the matrix each pivot stands for.
    right, solution : ndarray, shape (n,)
        May be the same.
    work : ndarray, shape (n,)
        Room.
    """
    n = inverses.size
    for i in range(n):
        total = right[rows[i]]
        for place in range(lower_starts[i], lower_starts[i + 1]):
            total -= lower_values[place] * work[lower[place]]
        work[i] = total
    for i in range(n - 1, -1, -1):
        total = work[i]
        for place in range(upper_starts[i], upper_starts[i + 1]):
            total -= upper_values[place] * work[upper[place]]
        work[i] = total * inverses[i]
    for i in range(n):
        solution[columns[i]] = work[i]


@entry
def remainder(
    starts: Places, columns: Places, values: Floats, right: Floats, solution: Floats, out: Floats
) -> tuple[float, float]:
    """Leave right − A·solution in `out`; return its largest size, and the largest of a row's terms."""
    most, size = 0.0, 0.0
    for i in range(right.size):
        total, terms = right[i], abs(right[i])
        for place in range(starts[i], starts[i + 1]):
            part = values[place] * solution[columns[place]]
            total -= part
            terms += abs(part)
        out[i] = total
        # A NaN is not small.
        if not abs(total) <= most:
            most = abs(total)
        size = max(size, terms)
    return most, size
