"""Sums, products, minima and maxima of many terms, which the graph holds as nests of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson.trace import operations as ops

if TYPE_CHECKING:
    from raphson.trace.nodes import Nodes

LEAST = 8
"""Fewer like terms, or fewer like equations, are written one by one."""

FAMILIES = {
    ops.ADD: "sum",
    ops.SUBTRACT: "sum",
    ops.MULTIPLY: "prod",
    ops.MINIMUM: "min",
    ops.MAXIMUM: "max",
}


class Chains:
    """The terms of each sum, and of each long product, minimum and maximum, in the order in which they are combined.

    Attributes
    ----------
    terms : dict of int to list of int
        By the last node of the chain; a term that is subtracted is stored as ``~term``.
    inside : bytearray
        Which nodes are partial results of a chain that nothing else uses.
    kinds : dict of int to str
        By node, partial results included: the reduction that a chain is, sum, prod, min or max.
    """

    def __init__(self, nodes: Nodes) -> None:
        self.terms: dict[int, list[int]] = {}
        self.inside = bytearray(len(nodes))
        terms, inside, uses, named = self.terms, self.inside, nodes.uses, nodes.named
        operations, arguments = nodes.operations, nodes.arguments
        self._arguments = arguments
        kinds: dict[int, str] = {}
        for node, operation in enumerate(operations):
            kind = FAMILIES.get(operation)
            if kind is None:
                continue
            left, right = arguments[node]
            if kind == "prod" and ops.CONSTANT in (operations[left], operations[right]):
                continue  # a coefficient
            kinds[node] = kind
            if kinds.get(left) != kind or named[left]:
                so_far = [left]
            elif uses[left] == 1:
                so_far = terms.pop(left)
                inside[left] = 1
            else:
                # A short sum is taken apart although something else needs it too, which must not make it look unlike.
                so_far = terms[left].copy() if len(terms[left]) < LEAST else [left]
            so_far.append(~right if operation is ops.SUBTRACT else right)
            terms[node] = so_far
        for node in [node for node, kind in kinds.items() if kind != "sum" and node in terms]:
            if len(terms[node]) < LEAST:
                for partial in self._partials(node, len(terms.pop(node))):
                    inside[partial] = 0
        self.kinds = kinds

    def _partials(self, node: int, count: int) -> list[int]:
        """Return the partial results of a chain of so many terms, the last first."""
        partials = []
        for _ in range(count - 2):
            node = self._arguments[node][0]
            partials.append(node)
        return partials

    def apart(self, node: int, count: int, kind: str) -> list[int] | None:
        """Return so many terms that a node combines in a chain of a kind, or None if it is no such chain."""
        last: list[int] = []
        while len(last) < count - 1:
            if self.kinds.get(node) != kind:
                return None
            node, right = self._arguments[node]
            last.append(right)
        return [node, *reversed(last)]

    def keep_together(self, node: int, count: int) -> list[int]:
        """Make the first terms of a chain, so many of them, one term; return the partial results that it is made of."""
        terms = self.terms[node]
        partials = self._partials(node, len(terms))[-count + 1 :]
        if self.kinds[node] == "sum":
            self.terms[partials[0]] = terms[:count]
            partials = partials[:1]
        for partial in partials:
            self.inside[partial] = 0
        self.terms[node] = [partials[0], *terms[count:]]
        return partials[::-1]
