"""How systems with J are solved: densely, by factors along its pattern, or by Krylov's iteration.

What factors will cost is told from the width of the graph of J: the most variables at one distance from a far one,
about as many as elimination has to separate (George 1973: on a grid of N×N, N, with some 10 N³ operations). That is to
an order of magnitude, which is all that the choice needs.
"""

from __future__ import annotations

import numpy as np

from raphson_solver.engine.sparse_graph import widest_level
from raphson_solver.engine.status import LinearSolver
from raphson_solver.errors import LimitError
from raphson_solver.sparse.direct import Analysis
from raphson_solver.sparse.matrix import Pattern

# Up to here, or where so large a part of J may differ from zero, dense factors are at least as fast.
_SMALL, _DENSE_SHARE = 40, 0.2
# Seconds, as measured on one core: the width cubed by factors, and an entry of J by multigrid, its setting up included.
# On grids of N×N factors took 12, 37, 85, 266 and 510 ms for N = 100, 150, 200, 250 and 316, multigrid 30, 58, 117, 177
# and 337; the first solve with factors, which looks for an order, several times as long.
_OPERATION, _ENTRY, _BEGINNING = 1.7e-8, 6.5e-7, 1e-2
# Products and sums a second along a fixed pattern, of which a tenth may go into looking; and variables up to which an
# order is made only to see what it would take.
_LOOKED, LARGEST_LOOK = 1e8, 200_000


def choose(entries: int, m: int, n: int, wanted: LinearSolver, dense_limit: int) -> LinearSolver:
    """Choose by the size and the density of J; AUTO: a sparse way, to be seen when entries are known.

    Parameters
    ----------
    entries : int
        Of J, that may differ from zero.
    m, n : int
        Extents.
    wanted : LinearSolver
        As the caller says.
    dense_limit : int
        The most entries of a dense matrix.

    Raises
    ------
    LimitError
        If dense matrices are wanted and too large.
    """
    wide = max(m, n)
    if wanted is LinearSolver.DENSE and wide * n > dense_limit:
        raise LimitError("options.linear_solver", "dense_entries", wide * n, dense_limit, "entries of dense matrices")
    if wanted is not LinearSolver.AUTO:
        return wanted
    fits = wide * n <= dense_limit
    share = entries / (m * n)
    if fits and (n <= _SMALL or share > _DENSE_SHARE):
        return LinearSolver.DENSE
    return LinearSolver.AUTO if m == n else LinearSolver.DIRECT


def among_sparse(analysis: Analysis) -> LinearSolver:
    """Choose between factors and Krylov's iteration, by what factors will take.

    Parameters
    ----------
    analysis : Analysis
        Of J with its rows in an order that makes the diagonal large.
    """
    pattern = analysis.pattern
    krylov = _BEGINNING + _ENTRY * pattern.entries
    width = graph_width(pattern)
    if _OPERATION * float(width) ** 3 <= krylov:
        return LinearSolver.DIRECT
    # Networks are wider than what separates their parts.
    if pattern.n <= LARGEST_LOOK and analysis.look(krylov * _LOOKED) is not None:
        return LinearSolver.DIRECT
    return LinearSolver.KRYLOV


def graph_width(pattern: Pattern) -> int:
    """Return the most variables at one distance from a variable far from others, half of those two equations apart."""
    starts, columns, _ = pattern.row_order
    column_starts, rows, _ = pattern.column_order
    level = np.empty(pattern.n, np.int32)
    # The end of one walk begins the next: from there the levels are many, and narrow.
    _, far = widest_level(starts, columns, column_starts, rows, 0, level)
    widest, _ = widest_level(starts, columns, column_starts, rows, far, level)
    return max(1, int(widest) // 2)
