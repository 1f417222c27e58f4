"""Values of a graph with NumPy: slow, plain, and for any number of points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph


def evaluate(graph: Graph, outputs: Sequence[int], x: NDArray[Any], p: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the outputs at a point or at many.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    outputs : sequence of int, length m
        Which nodes.
    x : array, shape (n, …)
        Variables first; real, or complex for a complex step.
    p : array, shape (k, …), optional
        Parameters first.

    Returns
    -------
    array, shape (m, …)
    """
    values: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for node in graph.reachable(outputs):
            kind = graph.operation[node]
            if kind is op.CONSTANT:
                values[node] = graph.value[node]
            elif kind is op.VARIABLE:
                values[node] = x[int(graph.value[node])]
            elif kind is op.PARAMETER:
                assert p is not None
                values[node] = p[int(graph.value[node])]
            else:
                values[node] = kind.value(*(values[argument] for argument in graph.arguments[node]))
    return np.array([np.broadcast_to(values[node], np.shape(x)[1:]) for node in outputs])
