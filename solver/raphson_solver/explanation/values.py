"""The value of every node at one point."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph


def node_values(
    graph: Graph, outputs: Iterable[int], x: NDArray[np.float64], p: NDArray[np.float64]
) -> dict[int, float]:
    """Return the values of all nodes that the outputs need, conditions as 0 and 1, with NumPy's arithmetic."""
    values: dict[int, float] = {}
    with np.errstate(all="ignore"):
        for node in graph.reachable(outputs):
            kind = graph.operation[node]
            if kind is op.CONSTANT:
                values[node] = graph.value[node]
            elif kind is op.VARIABLE:
                values[node] = float(x[int(graph.value[node])])
            elif kind is op.PARAMETER:
                values[node] = float(p[int(graph.value[node])])
            else:
                values[node] = float(kind.value(*[values[argument] for argument in graph.arguments[node]]))
    return values


def counted(graph: Graph, node: int, values: dict[int, float]) -> tuple[int, ...]:
    """Return the arguments that a node's value depends on: of the branches of a choice, the one taken."""
    arguments = graph.arguments[node]
    if graph.operation[node] is not op.SELECT:
        return arguments
    condition, first, second = arguments
    return condition, first if values[condition] else second
