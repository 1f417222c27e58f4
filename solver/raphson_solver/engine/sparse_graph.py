"""What the pattern of a sparse matrix is like as a graph: how symmetric, how wide."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.engine.jit import entry

Places = NDArray[np.int32]


@entry
def transposed(starts: Places, columns: Places, n: int) -> tuple[Any, Any, Any]:
    """Return where each column starts, the row of each entry column by column, and its place row by row."""
    column_starts = np.zeros(n + 1, np.int32)
    rows, places = np.empty(columns.size, np.int32), np.empty(columns.size, np.int32)
    for j in columns:
        column_starts[j + 1] += 1
    for j in range(n):
        column_starts[j + 1] += column_starts[j]
    following = column_starts[:n].copy()
    for i in range(starts.size - 1):
        for place in range(starts[i], starts[i + 1]):
            j = columns[place]
            rows[following[j]], places[following[j]] = i, place
            following[j] += 1
    return column_starts, rows, places


@entry
def mirrored(starts: Places, columns: Places) -> int:
    """Return how many entries have a mirror image; rows are given by their starts, columns ascending in each."""
    count = 0
    for i in range(starts.size - 1):
        for place in range(starts[i], starts[i + 1]):
            j = columns[place]
            low, high = starts[j], starts[j + 1]
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < i:
                    low = middle + 1
                else:
                    high = middle
            if low < starts[j + 1] and columns[low] == i:
                count += 1
    return count


@entry
def widest_level(
    starts: Places, columns: Places, column_starts: Places, rows: Places, first: int, level: Places
) -> tuple[int, int]:
    """Return the most variables at one distance from where a walk begins, and one of the farthest of that walk.

    Neighbours are variables with an equation in common, which no order of equations changes. Walks begin at `first`,
    and then at every variable that none has come to: the graph may have parts.

    Parameters
    ----------
    starts, columns, column_starts, rows : ndarray of int32
        The pattern row by row, and column by column.
    first : int
        A variable.
    level : ndarray of int32, shape (n,)
        Receives the distances.
    """
    n = level.size
    queue, seen = np.empty(n, np.int32), np.zeros(starts.size - 1, np.bool_)
    level[:] = -1
    count, done, widest, far = 0, 0, 0, first
    for number in range(-1, n):
        root = first if number < 0 else number
        if level[root] >= 0:
            continue
        level[root], queue[count] = 0, root
        count += 1
        here, distance, most = 0, 0, 0
        while done < count:
            j = queue[done]
            done += 1
            if level[j] != distance:
                distance, here = level[j], 0
            here += 1
            most = max(most, here)
            for place in range(column_starts[j], column_starts[j + 1]):
                i = rows[place]
                if seen[i]:
                    continue
                seen[i] = True
                for other in range(starts[i], starts[i + 1]):
                    k = columns[other]
                    if level[k] < 0:
                        level[k] = distance + 1
                        queue[count] = k
                        count += 1
        if most > widest:
            widest, far = most, int(queue[count - 1])
    return widest, far
