"""Forward mode: one sweep in the order of evaluation gives J·v."""

from __future__ import annotations

from collections.abc import Sequence

from raphson_solver.derivative.choice import times
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph


def pushforward(graph: Graph, outputs: Sequence[int], seeds: Sequence[int]) -> list[int]:
    """Return the nodes of J·v.

    Parameters
    ----------
    graph : Graph
        Holds f and receives the new nodes.
    outputs : sequence of int, length m
        The nodes of f.
    seeds : sequence of int, length n
        The nodes of v.
    """
    depends = graph.dependent()
    tangent: dict[int, int] = {}
    for node in graph.reachable(outputs):
        if not depends[node]:
            continue
        kind, arguments = graph.operation[node], graph.arguments[node]
        if kind is op.VARIABLE:
            tangent[node] = seeds[int(graph.value[node])]
            continue
        terms = [
            times(graph, partial(graph, node, *arguments), tangent[argument])
            for partial, argument in zip(kind.partials, arguments, strict=False)
            if depends[argument] and tangent[argument] != graph.zero
        ]
        tangent[node] = graph.sum(terms)
    return [tangent.get(node, graph.zero) for node in outputs]
