"""Random programs of the table's operations, to be run on a graph, on a graph that simplifies nothing, or on NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from raphson_solver.expression.operations import Operation

VARIABLES, PARAMETERS = 3, 2
CONSTANTS = (0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 1e-3, 7.25)
EXPONENTS = (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 7.0, 1.5)

SMOOTH = (
    op.EXP, op.LOG, op.SQRT, op.SIN, op.COS, op.TAN, op.ARCTAN, op.SINH, op.COSH, op.TANH, op.ARCSINH, op.EXPM1,
    op.LOG1P, op.ARCSIN, op.ARCCOS, op.ARCTANH, op.ARCCOSH, op.LOG2, op.LOG10,
)  # fmt: skip
KINKED = (op.ABS, op.SIGN, op.FLOOR, op.CEIL, op.MINIMUM, op.MAXIMUM, op.HYPOT, op.ARCTAN2, op.CBRT)
ARITHMETIC = ("add", "subtract", "multiply", "divide", "negative", "add", "subtract", "multiply", "power")
CHOICES = ("select", "mask")

Step = tuple["str | Operation", int, int, int]


class PlainGraph(Graph):
    """A graph that writes down what it is told: no rule, no folding, no order."""

    def add(self, a: int, b: int) -> int:
        return self.plain(op.ADD, a, b)

    def subtract(self, a: int, b: int) -> int:
        return self.plain(op.SUBTRACT, a, b)

    def negative(self, a: int) -> int:
        return self.plain(op.NEGATIVE, a)

    def multiply(self, a: int, b: int) -> int:
        return self.plain(op.MULTIPLY, a, b)

    def divide(self, a: int, b: int) -> int:
        return self.plain(op.DIVIDE, a, b)

    def power(self, a: int, b: int) -> int:
        return self.plain(op.POWER, a, b)

    def select(self, condition: int, a: int, b: int) -> int:
        return self.plain(op.SELECT, condition, a, b)

    def apply(self, operation: Operation, *arguments: int) -> int:
        return self.plain(operation, *arguments)

    def plain(self, operation: Operation, *arguments: int) -> int:
        return self._intern((operation, *arguments), operation, arguments, 0.0)


def programs(*, smooth_only: bool = False, longest: int = 25) -> st.SearchStrategy[list[Step]]:
    """Return lists of steps; each names its arguments by their place among the values before it."""
    functions = SMOOTH if smooth_only else (*SMOOTH, *KINKED)
    kinds = (
        [ARITHMETIC, ARITHMETIC, ARITHMETIC, functions] if smooth_only else [ARITHMETIC, ARITHMETIC, CHOICES, functions]
    )
    known = st.sampled_from(kinds).flatmap(st.sampled_from)
    # Near values are likelier arguments than far ones, so that programs grow deep and rules meet.
    place = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17))
    return st.lists(st.tuples(known, place, place, place), min_size=longest // 2, max_size=longest)


def run(graph: Graph, steps: Sequence[Step]) -> list[int]:
    """Return the nodes of the values that the program makes, the last first."""
    nodes = [graph.variable(place) for place in range(VARIABLES)]
    nodes += [graph.parameter(place) for place in range(PARAMETERS)]
    nodes += [graph.constant(value) for value in CONSTANTS]
    first = len(nodes)
    for what, *places in steps:
        a, b, c = (nodes[-1 - place % len(nodes)] for place in places)
        nodes.append(_step(graph, what, a, b, c, places[1]))
    return nodes[: first - 1 : -1]


def last_finite(graph: Graph, nodes: list[int], x: NDArray[np.float64], p: NDArray[np.float64]) -> list[int]:
    """Return up to four of the nodes, the first that are worth a finite number."""
    values = evaluate(graph, nodes, x, p)
    return [node for node, value in zip(nodes, values, strict=True) if np.isfinite(value)][:4]


def _step(graph: Graph, what: str | Operation, a: int, b: int, c: int, number: int) -> int:
    if not isinstance(what, str):
        return graph.apply(what, *(a, b)[: what.arity])
    if what == "select":
        comparisons = list(op.COMPARISONS.values())
        either = graph.apply(op.OR, graph.apply(comparisons[number % 6], a, b), graph.apply(op.EQUAL, b, c))
        return graph.select(graph.apply(op.AND, either, graph.apply(op.NOT, graph.apply(op.LESS, c, a))), b, c)
    if what == "mask":
        parts = (graph.zero, b) if number % 2 else (b, graph.zero)
        return graph.multiply(c, graph.select(graph.apply(op.GREATER, a, graph.zero), *parts))
    if what == "power":
        return graph.power(a, graph.constant(EXPONENTS[number % len(EXPONENTS)]))
    method: Callable[..., int] = getattr(graph, what)
    return method(a) if what == "negative" else method(a, b)


points = st.lists(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, -0.5, 0.3, 2.0, -2.7, 1.25, 3.1, -0.9]),
    min_size=VARIABLES + PARAMETERS,
    max_size=VARIABLES + PARAMETERS,
)
