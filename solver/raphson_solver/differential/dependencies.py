"""Which equations know which variables, and the exact slopes of the ones in the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.rounding import rounding_errors
from raphson_solver.engine.status import JacobianMode
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.solution.kernels import Kernels

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def exact_slopes(kernels: Kernels, rows: Places, columns: Places, x: Array, p: Array) -> Array:
    """Return the exact slope of each dependency: 0 where it is identically zero, as that of floor."""
    pattern, nodes = kernels.entries(JacobianMode.EXACT)
    values = rounding_errors(kernels.graph, nodes, x[None], p)[0][0]
    exact = np.zeros(rows.size)
    places = rows * kernels.n + columns
    order = np.argsort(places)
    exact[order[np.searchsorted(places, pattern.rows * kernels.n + pattern.columns, sorter=order)]] = values
    exact[~np.isfinite(exact)] = np.nan
    return exact


def dependencies(kernels: Kernels) -> tuple[Places, Places]:
    """Return which equations contain which variables: more than J's pattern where slopes are identically zero."""
    graph = kernels.graph
    pairs = [(row, column) for row, node in enumerate(kernels.equations) for column in _variables(graph, node)]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0].copy(), found[:, 1].copy()


def _variables(graph: Graph, node: int) -> list[int]:
    seen, waiting = {node}, [node]
    found = []
    while waiting:
        node = waiting.pop()
        if graph.operation[node] is op.VARIABLE:
            found.append(int(graph.value[node]))
        for argument in graph.arguments[node]:
            if argument not in seen:
                seen.add(argument)
                waiting.append(argument)
    return sorted(found)
