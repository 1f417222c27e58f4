"""Products of slopes where a choice is made: the branch not taken counts for nothing, even if it is infinite.

The slope of ``where(x > 0, log(x), 0)`` at 0 is 0, though that of log is infinite there and 0·∞ is no number.
"""

from __future__ import annotations

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph


def times(graph: Graph, slope: int, factor: int) -> int:
    """Return slope · factor; a slope that is a choice chooses between the products."""
    if not is_choice(graph, slope):
        return graph.multiply(slope, factor)
    condition, first, second = graph.arguments[slope]
    return graph.select(condition, graph.multiply(first, factor), graph.multiply(second, factor))


def is_choice(graph: Graph, slope: int) -> bool:
    """Return whether a slope was made by `where`, `minimum` or `maximum`."""
    return graph.operation[slope] is op.SELECT


def unless_zero(graph: Graph, bar: int, product: int) -> int:
    """Return the product, or 0 where `bar`, one of its factors, is 0 because another branch was taken."""
    return graph.select(graph.apply(op.EQUAL, bar, graph.zero), graph.zero, product)
