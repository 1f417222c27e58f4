"""Which columns of a sparse Jacobian one evaluation of f can show: columns that share no row get one colour.

Moving x along the sum of a colour's unit vectors gives all its columns at once (Curtis, Powell & Reid 1974). The fewest
colours are hard to find; as many as the fullest row has entries are always needed, and most patterns need few more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

# Up to so many entries a second order is tried: about 0.2 s.
_SMALL = 200_000
# Pairs of entries of one row that are looked at for a period.
_MOST_PAIRS = 100_000_000
# A period of up to so many times the lower bound is worth having; first-fit is not tried as well where it is slow.
_NEAR = 2


def colour_columns(rows: Places, columns: Places, n: int) -> tuple[Places, int]:
    """Return the colour of each column, shape (n,), and how many colours there are.

    Of the colouring by a period (column j gets j modulo q, which suits bands and other stencils and is fast) and those
    by first-fit in two orders, the first that is proven best, else the best. The same pattern always gets the same.

    Parameters
    ----------
    rows, columns : int64 arrays, shape (entries,)
        Where J may differ from zero, in any order; a place may come twice.
    n : int
        Number of columns. Those without an entry get colour 0, and do not count.
    """
    colour = np.zeros(n, np.int64)
    if not columns.size:
        return colour, 0
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    if columns.size > 1:
        once = np.append(True, (np.diff(rows) != 0) | (np.diff(columns) != 0))
        rows, columns = rows[once], columns[once]
    used = np.flatnonzero(np.bincount(columns, minlength=n))
    fewest = int(np.bincount(rows).max())
    if fewest == used.size:
        colour[used] = np.arange(fewest)
        return colour, fewest
    candidates = []
    period = _period(rows, columns, fewest)
    if period == fewest:
        colour[used] = used % fewest
        return colour, fewest
    if period is not None:
        labels, numbered = np.unique(used % period, return_inverse=True)
        candidates.append((labels.size, numbered))
    small = columns.size <= _SMALL
    if small or period is None:
        candidates += _by_first_fit(rows, columns, n, used, fewest, both=small)
    count, best = min(candidates, key=lambda candidate: candidate[0])
    colour[used] = best
    return colour, count


def _period(rows: Places, columns: Places, fewest: int) -> int | None:
    """Return the least q such that no two columns of a row are the same modulo q; None if it is large or slow to find.

    Entries come row by row in the order of columns.
    """
    if columns.size * (fewest - 1) > _MOST_PAIRS:
        return None
    apart = np.zeros(int(columns.max()) + 1, np.bool_)
    for distance in range(1, fewest):
        together = rows[distance:] == rows[:-distance]
        apart[(columns[distance:] - columns[:-distance])[together]] = True
    periods = range(fewest, _NEAR * fewest + 1)
    return next((period for period in periods if not apart[period::period].any()), None)


def _by_first_fit(
    rows: Places, columns: Places, n: int, used: Places, fewest: int, *, both: bool
) -> list[tuple[int, Places]]:
    """Return count and colours of the used columns: in their order, then those first that most others touch."""
    found = [_first_fit(rows, columns, n, used)]
    if both and found[0][0] > fewest:
        touching = np.bincount(columns, np.bincount(rows)[rows], minlength=n)[used]
        found.append(_first_fit(rows, columns, n, used[np.argsort(-touching, kind="stable")]))
    return [(count, colour[used]) for count, colour in found]


def _first_fit(rows: Places, columns: Places, n: int, order: Places) -> tuple[int, Places]:
    """Give each column in turn the first colour that none of its rows has; a row's colours are the bits of an int."""
    by_column = np.argsort(columns, kind="stable")
    rows_of: list[int] = rows[by_column].tolist()
    starts: list[int] = np.searchsorted(columns[by_column], np.arange(n + 1)).tolist()
    taken = [0] * (int(rows.max()) + 1)
    colour = [0] * n
    count = 0
    for column in order.tolist():
        mine = rows_of[starts[column] : starts[column + 1]]
        forbidden = 0
        for row in mine:
            forbidden |= taken[row]
        bit = ~forbidden & (forbidden + 1)
        for row in mine:
            taken[row] |= bit
        colour[column] = bit.bit_length() - 1
        count = max(count, bit.bit_length())
    return count, np.array(colour, np.int64)
