"""How large the terms are that cancel in an equation.

An equation such as ``[H]*[OH] - 1e-14 = 0`` is not solved at a residual of 1e-9, and ``1e12*x - 1e12`` may be
at 1e-3. What counts is f against the size M of the terms whose difference it is:

    M(a ± b) = M(a) + M(b)        M(a·b) = M(a)·|b| + |a|·M(b)        M(a/b) = M(a)/|b|

followed through sums, products and numerators as far as there are sums inside; anything else counts by |value|. A
denominator whose terms cancel makes a pole, never a zero: 1/(x − 0.3) must not pass near 0.3.
The engine adds Σ|J_ij x_j|, what relative changes of x do to f, to get the scale of an equation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

_FOLLOWED = frozenset({op.ADD, op.SUBTRACT, op.NEGATIVE, op.MULTIPLY, op.DIVIDE})


def magnitudes(graph: Graph, outputs: Sequence[int], known: Mapping[int, int] | None = None) -> list[int]:
    """Return, for each output, the node of its M; that of some leaves, which stand for sums, may be known."""
    order = graph.reachable(outputs)
    made: dict[int, int] = dict(known or {})
    sums = _with_sums(graph, order, made)
    for node in order:
        if sums[node] and node not in made:
            made[node] = _magnitude(graph, node, sums, made)
    return [_of(graph, node, made) for node in outputs]


def _with_sums(graph: Graph, order: list[int], known: Mapping[int, int]) -> dict[int, bool]:
    """Return whether a sum can be reached through the operations that are followed."""
    sums: dict[int, bool] = {}
    for node in order:
        kind = graph.operation[node]
        if node in known or kind is op.ADD or kind is op.SUBTRACT:
            sums[node] = True
        else:
            followed = graph.arguments[node][: 1 if kind is op.DIVIDE else None]
            sums[node] = kind in _FOLLOWED and any(sums[argument] for argument in followed)
    return sums


def _of(graph: Graph, node: int, made: dict[int, int]) -> int:
    return made[node] if node in made else _absolute(graph, node)


def _absolute(graph: Graph, node: int) -> int:
    if graph.operation[node] is op.NEGATIVE:
        node = graph.arguments[node][0]
    return graph.apply(op.ABS, node)


def _magnitude(graph: Graph, node: int, sums: dict[int, bool], made: dict[int, int]) -> int:
    kind, arguments = graph.operation[node], graph.arguments[node]
    if kind is op.NEGATIVE:
        return _of(graph, arguments[0], made)
    a, b = arguments
    if kind is op.ADD or kind is op.SUBTRACT:
        return graph.add(_of(graph, a, made), _of(graph, b, made))
    size_a, size_b = _absolute(graph, a), _absolute(graph, b)
    if kind is op.DIVIDE:
        return graph.divide(_of(graph, a, made), size_b)
    parts = []
    if sums[a]:
        parts.append(graph.multiply(_of(graph, a, made), size_b))
    if sums[b]:
        parts.append(graph.multiply(size_a, _of(graph, b, made)))
    return graph.sum(parts)
