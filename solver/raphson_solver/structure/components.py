"""The parts of a system that share no variable: each can be judged alone."""

from __future__ import annotations

import numpy as np

from raphson_solver.structure.pattern import Part, Places, compressed


def components(rows: Places, columns: Places, part: Part) -> tuple[Part, ...]:
    """Split a part of a pattern into those that have no equation and no variable in common.

    Parameters
    ----------
    rows, columns : ndarray of int64
        The pattern of the whole system.
    part : Part
        What to split; entries outside are left out of account.

    Returns
    -------
    tuple of Part
        In the order of their first equations; variables in no equation come last, each alone.
    """
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    equations, variables = part
    count = equations.size
    total = count + variables.size
    if total == 0:
        return ()
    inside = np.isin(rows, equations) & np.isin(columns, variables)
    tails = np.searchsorted(equations, rows[inside])
    heads = count + np.searchsorted(variables, columns[inside])
    _, labels = connected_components(compressed(tails, heads, total, total), directed=False)
    # The equations come first among the nodes, so that a component's first node is its first equation.
    _, first, component = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(component, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(component))[:-1])
    return tuple(
        Part(equations[group[group < count]], variables[group[group >= count] - count])
        for group in (groups[place] for place in np.argsort(first))
    )
