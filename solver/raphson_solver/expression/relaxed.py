"""The same formulas with fewer operations: equal but for rounding, and for what overflows on the way.

Constant factors are gathered in front of a product, and a quotient is a product with a reciprocal that all quotients of
one denominator share: in the lanes of vector registers a division takes as long as twenty products. It is for code
whose results are looked at, and done again by the formulas as written where they are not finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from raphson_solver.expression import operations as op
from raphson_solver.expression.elementary import exponential, sine_and_cosine
from raphson_solver.expression.graph import Graph


def relaxed(
    graph: Graph, outputs: Sequence[int], stages: Sequence[int] = (), *, without_calls: bool = False
) -> tuple[Graph, list[int]]:
    """Return a graph of its own and the nodes of the outputs in it.

    Parameters
    ----------
    graph : Graph
        Holds the formulas as written.
    outputs : sequence of int
        Which.
    stages : sequence of int
        Nodes on the way to them, in the order in which the new graph is to have them, each with what it needs.
    without_calls : bool
        Whether exp, sin and cos are to be sums and products too; see `expression.elementary`.
    """
    made = Graph()
    writer = _Relaxed(graph, made, without_calls=without_calls)
    needed = bytearray(len(graph))
    for node in graph.reachable(outputs):
        needed[node] = 1
    for node in graph.when_needed([*(stage for stage in stages if needed[stage]), *outputs]):
        writer.take(node)
    return made, [writer.whole(node) for node in outputs]


class _Relaxed:
    """Each node of the old graph as a factor and a node of the new one, whose product it is."""

    def __init__(self, old: Graph, new: Graph, *, without_calls: bool) -> None:
        self._old, self._new, self._without_calls = old, new, without_calls
        self._parts: dict[int, tuple[float, int]] = {}

    def take(self, node: int) -> None:
        """Write a node; its arguments are written already."""
        kind, arguments = self._old.operation[node], self._old.arguments[node]
        self._parts[node] = self._part(node, kind, arguments)

    def whole(self, node: int) -> int:
        """Return the node of the product."""
        factor, rest = self._parts[node]
        if factor == 1.0:
            return rest
        if factor == -1.0:
            return self._new.negative(rest)
        return self._new.multiply(self._new.constant(factor), rest)

    def _part(self, node: int, kind: op.Operation, arguments: tuple[int, ...]) -> tuple[float, int]:
        new = self._new
        if kind is op.CONSTANT:
            value = self._old.value[node]
            return (value, new.one) if value != 0.0 and math.isfinite(value) else (1.0, new.constant(value))
        if kind is op.VARIABLE:
            return 1.0, new.variable(int(self._old.value[node]))
        if kind is op.PARAMETER:
            return 1.0, new.parameter(int(self._old.value[node]))
        if kind is op.NEGATIVE:
            factor, rest = self._parts[arguments[0]]
            return -factor, rest
        if kind is op.MULTIPLY or kind is op.DIVIDE:
            (a, first), (b, second) = (self._parts[argument] for argument in arguments)
            factor = a * b if kind is op.MULTIPLY else a / b
            if _ordinary(factor):
                other = second if kind is op.MULTIPLY else new.divide(new.one, second)
                return factor, new.multiply(first, other)
        if kind is op.ABS:
            factor, rest = self._parts[arguments[0]]
            return abs(factor), new.apply(op.ABS, rest)
        return 1.0, self._plain(kind, [self.whole(argument) for argument in arguments])

    def _plain(self, kind: op.Operation, arguments: list[int]) -> int:
        new = self._new
        if kind is op.ADD:
            return new.add(*arguments)
        if kind is op.SUBTRACT:
            return new.subtract(*arguments)
        if kind is op.MULTIPLY:
            return new.multiply(*arguments)
        if kind is op.DIVIDE:
            return new.divide(*arguments)
        if kind is op.SELECT:
            return new.select(*arguments)
        if kind is op.POWER:
            return new.power(*arguments)
        if self._without_calls and kind is op.EXP:
            return exponential(new, *arguments)
        if self._without_calls and kind in {op.SIN, op.COS}:
            return sine_and_cosine(new, *arguments)[kind is op.COS]
        return new.apply(kind, *arguments)


def _ordinary(factor: float) -> bool:
    """Return whether a factor is far from where floating point ends."""
    return 1e-150 < abs(factor) < 1e150
