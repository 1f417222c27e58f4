"""Sparse LU along a fixed pattern, with pivots in a fixed order, row by row.

Where the pattern of the factors is known, one pass over it makes them: row i is gathered into a dense row, loses a
multiple of each earlier row that it has an entry for, and is scattered again (the up-looking form of Gilbert & Peierls
1988, without its search). Nothing is chosen while that goes on, so a pivot may turn out small, and then the caller
chooses another order.

All that it needs hangs on one array of int64, the table, as the engine's own memory does on its plan.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.intrinsics import (
    Doubles,
    Integers,
    doubles,
    integers,
    load_flag,
    monotonic_seconds,
    shorts,
)
from raphson_solver.engine.jit import entry, jit
from raphson_solver.engine.point import larger

Floats = NDArray[np.float64]
Places = NDArray[np.int32]

(
    SIZE,
    ENTRIES,
    # (addresses of int32) The matrix in the order of pivots: where rows start, columns, and where its entries stand.
    STARTS,
    COLUMNS,
    SOURCE,
    # (addresses of int64, and of int32) Where rows of the factors start; columns of L left of the diagonal, of U right.
    LOWER_STARTS,
    UPPER_STARTS,
    LOWER,
    UPPER,
    # (addresses of int32) Which number of the right side, and of the solution, each pivot stands for.
    RIGHT,
    SOLUTION,
    # (addresses of float64) L below its diagonal of ones, U above its diagonal, one over that; room for 2n and n.
    LOWER_VALUES,
    UPPER_VALUES,
    INVERSES,
    ROW,
    WORK,
    TABLE_SIZE,
) = range(17)

_LOOK = 256
NOISE = 2.0**-50
"""Rounding below which a pivot beside the entries of its column is nothing, as where J is dense."""
SMALL_REMAINDER = 1e-9
"""What a solution may leave of the right side, beside its terms, before pivots count as too small."""
ENOUGH_REFINED, REFINEMENTS = 1e-10, 3
"""What it may leave without being refined, and how often it is: a step needs no more digits."""


@entry
def symbolic(starts: Places, columns: Places, n: int, budget: float) -> tuple[float, Any, Any, Any, Any]:
    """Return where the factors have entries, and what making them takes.

    Parameters
    ----------
    starts, columns : ndarray of int32, shapes (n + 1,) and (entries,)
        Of the matrix, in the order of pivots, row by row, columns ascending; an entry may come more than once.
    n : int
        Its extent.
    budget : float
        Products and sums after which to give up: looking takes about as long as making.

    Returns
    -------
    work : float
        Products and sums; infinite if they are more than the budget, with arrays that say nothing.
    lower_starts, lower, upper_starts, upper : ndarray of int64 (starts) and int32
        Columns of L left of the diagonal, and of U right of it, row by row, ascending.
    """
    lower_starts, upper_starts = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    lower, upper = np.empty(2 * columns.size + n, np.int32), np.empty(2 * columns.size + n, np.int32)
    following, work = np.empty(n + 1, np.int32), 0.0
    for i in range(n):
        if work > budget:
            return np.inf, lower_starts, lower, upper_starts, upper
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
            work += upper_starts[k + 1] - upper_starts[k]
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
    return work, lower_starts, lower[: lower_starts[n]].copy(), upper_starts, upper[: upper_starts[n]].copy()


@jit
def _longer(values: Places) -> Places:
    longer = np.empty(2 * values.size, np.int32)
    longer[: values.size] = values
    return longer


@jit
def refactor(table: Integers, values: Doubles, flag: int, deadline: float) -> int:
    """Make the factors of a matrix; return n, or the row of the first pivot that is only noise, or −1 if stopped.

    Noise is what is no larger than rounding of the largest entry of its column. `flag` is the address of an int64 that
    stops the work when it is not zero; `deadline` when to stop, 0 never.
    """
    n = table[SIZE]
    starts, columns, source = shorts(table[STARTS]), shorts(table[COLUMNS]), shorts(table[SOURCE])
    lower_starts, upper_starts = integers(table[LOWER_STARTS]), integers(table[UPPER_STARTS])
    lower, upper = shorts(table[LOWER]), shorts(table[UPPER])
    lower_values, upper_values = doubles(table[LOWER_VALUES]), doubles(table[UPPER_VALUES])
    inverses, row = doubles(table[INVERSES]), doubles(table[ROW])
    # Sizes of columns are asked for where a pivot is small beside the whole matrix.
    largest, known = 0.0, False
    for place in range(table[ENTRIES]):
        largest = larger(largest, abs(values[place]))
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
        if not abs(row[i]) > NOISE * largest:
            if not known:
                _set_column_sizes(table, values)
                known = True
            if not abs(row[i]) > NOISE * row[n + i]:
                return i
        inverses[i] = 1.0 / row[i]
        for place in range(beyond, end):
            upper_values[place] = row[upper[place]]
    return int(n)


@jit
def _set_column_sizes(table: Integers, values: Doubles) -> None:
    """Fill the second half of ROW with the largest |entry| of each column."""
    n, columns, source, row = table[SIZE], shorts(table[COLUMNS]), shorts(table[SOURCE]), doubles(table[ROW])
    for j in range(n):
        row[n + j] = 0.0
    for place in range(table[ENTRIES]):
        row[n + columns[place]] = max(row[n + columns[place]], abs(values[source[place]]))


@jit
def substitute(table: Integers, right: Doubles, solution: Doubles) -> None:
    """Solve with the factors; `right` and `solution` may be the same."""
    n = table[SIZE]
    lower_starts, upper_starts = integers(table[LOWER_STARTS]), integers(table[UPPER_STARTS])
    lower, upper = shorts(table[LOWER]), shorts(table[UPPER])
    lower_values, upper_values = doubles(table[LOWER_VALUES]), doubles(table[UPPER_VALUES])
    inverses, work = doubles(table[INVERSES]), doubles(table[WORK])
    source, target = shorts(table[RIGHT]), shorts(table[SOLUTION])
    for i in range(n):
        total = right[source[i]]
        for place in range(lower_starts[i], lower_starts[i + 1]):
            total -= lower_values[place] * work[lower[place]]
        work[i] = total
    for i in range(n - 1, -1, -1):
        total = work[i]
        for place in range(upper_starts[i], upper_starts[i + 1]):
            total -= upper_values[place] * work[upper[place]]
        work[i] = total * inverses[i]
    for i in range(n):
        solution[target[i]] = work[i]


@entry
def factor_along(table_address: int, values_address: int, flag: int, deadline: float) -> int:
    """Do as `refactor`, on addresses."""
    return int(refactor(integers(table_address), doubles(values_address), flag, deadline))


@entry
def substitute_along(table_address: int, right_address: int, solution_address: int) -> None:
    """Do as `substitute`, on addresses."""
    substitute(integers(table_address), doubles(right_address), doubles(solution_address))


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
