"""The parts of a system that share no variable: each can be judged alone."""

from __future__ import annotations

import numpy as np

from raphson_solver.structure.pattern import Part, Places, compressed


def components(rows: Places, columns: Places, part: Part, most: int | None = None) -> tuple[tuple[Part, ...], int]:
    """Split a part of a pattern into those that have no equation and no variable in common.

    Parameters
    ----------
    rows, columns : ndarray of int64
        The pattern of the whole system.
    part : Part
        What to split; entries outside are left out of account.
    most : int, optional
        How many to return; those of more than one node go first.

    Returns
    -------
    tuple of Part
        In the order of their first equations; variables in no equation come last, each alone.
    int
        How many there are.
    """
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    equations, variables = part
    count = equations.size
    total = count + variables.size
    if total == 0:
        return (), 0
    inside = np.isin(rows, equations) & np.isin(columns, variables)
    tails = np.searchsorted(equations, rows[inside])
    heads = count + np.searchsorted(variables, columns[inside])
    _, labels = connected_components(compressed(tails, heads, total, total), directed=False)
    # The equations come first among the nodes, so that a component's first node is its first equation.
    _, first, component = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    ends = np.cumsum(sizes)
    chosen = np.argsort(first)
    if most is not None and chosen.size > most:
        chosen = chosen[np.argsort(sizes[chosen] == 1, kind="stable")[:most]]
        chosen = chosen[np.argsort(first[chosen])]
    groups = (order[ends[place] - sizes[place] : ends[place]] for place in chosen)
    parts = tuple(Part(equations[group[group < count]], variables[group[group >= count] - count]) for group in groups)
    return parts, sizes.size
