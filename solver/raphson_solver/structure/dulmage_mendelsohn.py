"""The coarse Dulmage–Mendelsohn decomposition: where there are too many equations, too few, and just enough.

From an equation without a variable, an alternating path goes to a variable that it contains, and on to the
equation matched to that variable. The equations so reached contain fewer variables than there are equations.
From a variable without an equation, the same with the parts exchanged. Neither part depends on which maximum
matching was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.structure.matching import equation_of, matching
from raphson_solver.structure.pattern import Part, Places, compressed


@dataclass(frozen=True, eq=False, slots=True)
class DulmageMendelsohn:
    """The three parts; every equation and every variable is in exactly one.

    Attributes
    ----------
    rank : int
        The structural rank.
    over : Part
        More equations than variables; these equations contain no other variables.
    under : Part
        More variables than equations; these variables are in no other equations.
    well : Part
        As many equations as variables, and structurally nonsingular once the variables of `under` are known.
    matched : ndarray of int64, shape (m,)
        The variable matched to each equation, −1 for none.
    """

    rank: int
    over: Part
    under: Part
    well: Part
    matched: Places


def dulmage_mendelsohn(rows: Places, columns: Places, m: int, n: int) -> DulmageMendelsohn:
    """Decompose a pattern.

    Parameters
    ----------
    rows, columns : ndarray of int64
        The pattern: equation rows[k] contains variable columns[k].
    m, n : int
        Numbers of equations and of variables.
    """
    matched = matching(rows, columns, m, n)
    owner = equation_of(matched, n)
    over_equations = _reached(matched < 0, rows, owner[columns])
    over_variables = np.zeros(n, bool)
    over_variables[columns[over_equations[rows]]] = True
    under_variables = _reached(owner < 0, columns, matched[rows])
    under_equations = np.zeros(m, bool)
    under_equations[rows[under_variables[columns]]] = True
    return DulmageMendelsohn(
        rank=int(np.count_nonzero(matched >= 0)),
        over=_part(over_equations, over_variables),
        under=_part(under_equations, under_variables),
        well=_part(~(over_equations | under_equations), ~(over_variables | under_variables)),
        matched=matched,
    )


def _reached(begin: NDArray[np.bool_], tails: Places, heads: Places) -> NDArray[np.bool_]:
    """Return which nodes can be reached along edges; an edge to −1 leads nowhere."""
    if not begin.any():
        return begin
    from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415

    count = begin.size
    first = np.flatnonzero(begin)
    leads = heads >= 0
    # One more node leads to all beginnings.
    graph = compressed(
        np.concatenate([tails[leads], np.full(first.size, count)]),
        np.concatenate([heads[leads], first]),
        count + 1,
        count + 1,
    )
    reached = np.zeros(count + 1, bool)
    reached[breadth_first_order(graph, count, return_predecessors=False)] = True
    return reached[:count]


def _part(equations: NDArray[np.bool_], variables: NDArray[np.bool_]) -> Part:
    return Part(np.flatnonzero(equations), np.flatnonzero(variables))
