"""The block-triangular form: small systems to be solved one after another instead of one large one.

With every equation matched to a variable, an equation needs the variables that it contains, so it needs the
equations matched to them. Equations that need each other, directly or not, are one block: a strongly connected
component. Which they are does not depend on the matching.
"""

from __future__ import annotations

import heapq

import numpy as np

from raphson_solver.structure.matching import equation_of, matching
from raphson_solver.structure.pattern import Part, Places, compressed


def block_triangular(rows: Places, columns: Places, n: int, matched: Places | None = None) -> tuple[Part, ...]:
    """Return the blocks in the order to solve them: each contains variables of itself and of earlier ones only.

    No block can be split further. Of the blocks that could come next, the one with the first equation does, so a
    system that is triangular already keeps its order.

    Parameters
    ----------
    rows, columns : ndarray of int64
        The pattern of a square matrix: equation rows[k] contains variable columns[k].
    n : int
        Number of equations and of variables.
    matched : ndarray of int64, shape (n,), optional
        A matching of every equation, if one is known.

    Raises
    ------
    ValueError
        When the pattern is structurally singular: not every equation can have a variable of its own.
    """
    if n == 0:
        return ()
    if matched is None:
        matched = matching(rows, columns, n, n)
    owner = equation_of(matched, n)
    if owner.min() < 0:
        rank = np.count_nonzero(owner >= 0)
        raise ValueError(f"the pattern is structurally singular: only {rank} of {n} equations have a variable each")
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    needed = owner[columns]
    count, labels = connected_components(compressed(rows, needed, n, n), connection="strong")
    if count == 1:
        return (Part(np.arange(n), np.arange(n)),)
    # Components by number, in the order of their first equations: written backwards, the first one stays.
    first = np.empty(count, np.int64)
    first[labels[::-1]] = np.arange(n - 1, -1, -1)
    number = np.empty(count, np.int64)
    number[np.argsort(first)] = np.arange(count)
    component = number[labels]
    order = _sorted(component[rows], component[needed], count)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    place_of_equation = place[component]
    equations = np.argsort(place_of_equation, kind="stable")
    variables = np.argsort(place_of_equation[owner], kind="stable")
    ends = np.cumsum(np.bincount(place_of_equation)).tolist()
    return tuple(Part(equations[i:j], variables[i:j]) for i, j in zip([0, *ends], ends, strict=False))


def _sorted(users: Places, needed: Places, count: int) -> list[int]:
    """Return the components in a topological order: what is needed before its users, the smallest number first."""
    between = np.flatnonzero(users != needed)
    between = between[np.argsort(needed[between])]
    users_of = users[between].tolist()
    waiting_for = np.bincount(users[between], minlength=count).tolist()
    starts = [0, *np.cumsum(np.bincount(needed[between], minlength=count)).tolist()]
    ready = [component for component in range(count) if not waiting_for[component]]
    order = []
    while ready:
        component = heapq.heappop(ready)
        order.append(component)
        for user in users_of[starts[component] : starts[component + 1]]:
            waiting_for[user] -= 1
            if not waiting_for[user]:
                heapq.heappush(ready, user)
    return order
