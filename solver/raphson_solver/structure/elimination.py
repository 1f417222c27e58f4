"""Elimination along a pattern: which pivots, and the solution of a linear system as expressions.

Where J has few entries, or few variables, eliminating by expressions made once leaves no loops, no zeros and no search
for pivots: the order is chosen ahead, from the pattern and from values of J at a few points (Markowitz 1957, with a
threshold). Whether an order suits other values is told by the growth of each column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

Integers = NDArray[np.int64]
Pivot = tuple[int, int]

# A pivot is at least this share of the largest entry of its column, where the order is chosen; and, of each entry below
# it, where the order is used.
_THRESHOLD = 0.1
_LARGEST_GROWTH = 1e5


@dataclass(frozen=True, slots=True)
class Eliminated:
    """The solution of J·s = −f.

    Attributes
    ----------
    step : tuple of int, length n
        The nodes of s.
    sound : int
        The condition that no pivot was small beside what it eliminated.
    rows : tuple of tuple of int, length n
        What is left of each row, pivot by pivot: all nodes that later rows and s need of it.
    """

    step: tuple[int, ...]
    sound: int
    rows: tuple[tuple[int, ...], ...]


def pivot_order(rows: Integers, columns: Integers, values: NDArray[np.float64], n: int) -> list[Pivot] | None:
    """Return rows and columns of the pivots, in order; None where J is singular.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (entries,)
        The pattern.
    values : ndarray, shape (points, entries)
        Of J at some points, finite.
    n : int
        Extent of J.
    """
    matrix = np.zeros((values.shape[0], n, n))
    matrix[:, rows, columns] = values
    filled = np.zeros((n, n), bool)
    filled[rows, columns] = True
    left_rows, left_columns = np.ones(n, bool), np.ones(n, bool)
    order: list[Pivot] = []
    # How many pivots a row waits for, one after another.
    depth = np.zeros(n, np.int64)
    for _ in range(n):
        open_entries = filled & left_rows[:, None] & left_columns
        size = np.abs(matrix)
        column_size = np.max(np.where(open_entries, size, 0.0), axis=1, keepdims=True)
        good = open_entries & np.all((size >= _THRESHOLD * column_size) & (size > 0.0), axis=0)
        if not good.any():
            # No entry suits every point: the one that suits most of them.
            suits = np.where(open_entries, np.sum((size >= _THRESHOLD * column_size) & (size > 0.0), axis=0), 0)
            if suits.max() == 0:
                return None
            good = suits == suits.max()
        cost = np.outer(open_entries.sum(axis=1) - 1, open_entries.sum(axis=0) - 1)
        # Of those that cost the same, the one that waits least: chains grow from both ends of a band.
        cost = np.where(good, cost * (n + 1) + depth[:, None], n * n * (n + 1))
        row, column = np.unravel_index(int(np.argmin(cost)), (n, n))
        order.append((int(row), int(column)))
        left_rows[row] = left_columns[column] = False
        below = left_rows & filled[:, column]
        depth[below] = np.maximum(depth[below], depth[row] + 1)
        with np.errstate(all="ignore"):
            factor = np.where(below, matrix[:, :, column] / matrix[:, row, column][:, None], 0.0)
            factor = np.where(np.isfinite(factor), factor, 0.0)
            matrix -= factor[:, :, None] * np.where(left_columns & filled[row], matrix[:, row, :], 0.0)[:, None, :]
        filled |= np.outer(below, filled[row] & left_columns)
    return order


def eliminate(
    graph: Graph, rows: Integers, columns: Integers, entries: Sequence[int], f: Sequence[int], order: Sequence[Pivot]
) -> Eliminated:
    """Return the nodes of s in J·s = −f, by elimination in a given order."""
    matrix: list[dict[int, int]] = [{} for _ in f]
    for row, column, node in zip(rows.tolist(), columns.tolist(), entries, strict=True):
        matrix[row][column] = node
    right = [graph.negative(node) for node in f]
    growth = graph.constant(_LARGEST_GROWTH)
    sound = graph.apply(op.EQUAL, graph.one, graph.one)
    inverse: dict[int, int] = {}
    # Row by row, so that a row is finished while it is in registers.
    for place, (row, column) in enumerate(order):
        for above, eliminated in order[:place]:
            if eliminated not in matrix[row]:
                continue
            factor = graph.multiply(matrix[row].pop(eliminated), inverse[above])
            sound = both(graph, sound, graph.apply(op.LESS_EQUAL, graph.apply(op.ABS, factor), growth))
            for where, node in matrix[above].items():
                if where != eliminated:
                    taken = graph.multiply(factor, node)
                    matrix[row][where] = graph.subtract(matrix[row].get(where, graph.zero), taken)
            right[row] = graph.subtract(right[row], graph.multiply(factor, right[above]))
        inverse[row] = graph.divide(graph.one, matrix[row][column])
    step: dict[int, int] = {}
    for row, column in reversed(order):
        total = right[row]
        for where, node in matrix[row].items():
            if where != column:
                total = graph.subtract(total, graph.multiply(node, step[where]))
        step[column] = graph.multiply(total, inverse[row])
    left = tuple((*matrix[row].values(), right[row], inverse[row]) for row, _ in order)
    return Eliminated(tuple(step[column] for column in range(len(f))), sound, left)


def both(graph: Graph, first: int, second: int) -> int:
    """Return the condition that both hold; one that is known to hold is left out."""
    if graph.operation[first] is op.CONSTANT and graph.value[first]:
        return second
    return graph.apply(op.AND, first, second)
