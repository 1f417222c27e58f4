"""Long sums, and products, minima and maxima, in what is written one by one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from raphson.trace.compact import Compact
from raphson.trace.families import DEEPEST_WITH_INLINED, PLACEHOLDER
from raphson.trace.pieces import add, write_operation
from raphson.trace.settling import settle
from raphson.trace.shapes import FIRST
from raphson.trace.templates import BINARY, Edge

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from raphson.trace.chains import Chains
    from raphson.trace.generalizer import Generalizer
    from raphson.trace.pieces import Piece
    from raphson.trace.shapes import Shapes
    from raphson.trace.tables import Tables
    from raphson.trace.templates import Template


class Reductions:
    """The chains that hold runs of likes; alike ones share their tables.

    Parameters
    ----------
    chains : Chains
    shapes : Shapes
    generalizer : Generalizer
    tables : Tables
    nodes : iterable of int
        Where to look for them.
    with_coefficients : bool
        Whether constants may be put into tables.
    """

    def __init__(
        self,
        chains: Chains,
        shapes: Shapes,
        generalizer: Generalizer,
        tables: Tables,
        nodes: Iterable[int],
        *,
        with_coefficients: bool,
    ) -> None:
        self._chains, self._shapes, self._generalizer, self._tables = chains, shapes, generalizer, tables
        self._with_coefficients = with_coefficients
        self._found: dict[int, tuple[Template, list[Edge | None], int]] = {}
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for node in nodes:
            if node in shapes.segments:
                groups[chains.kinds[node], shapes.bodies[node]].append(node)
        for heads in groups.values():
            if not self._add(heads) and len(heads) > 1:
                for head in heads:
                    self._add([head])

    def __contains__(self, node: int) -> bool:
        return node in self._found

    def needs(self, head: int) -> list[int]:
        """Return the nodes whose text `write` asks for."""
        _, edges, _ = self._found[head]
        singles = [
            term if (term := self._shapes.terms[head][part.start]) >= 0 else ~term
            for part, edge in zip(self._shapes.segments[head], edges, strict=True)
            if edge is None
        ]
        constant = self._shapes.constants.get(head)
        if constant is not None:
            singles.append(constant[1] if constant[1] >= 0 else ~constant[1])
        return [*singles, *self.same(head)]

    def same(self, head: int) -> list[int]:
        """Return those that stand in its loops."""
        return self._found[head][0].same

    def write(self, head: int, piece_of: Callable[[int], Piece]) -> Piece:
        """Write a chain."""
        template, edges, member = self._found[head]
        writer = Compact(template, self._tables, piece_of, member)
        terms: list[Edge | int] = [
            self._shapes.terms[head][part.start] if edge is None else edge
            for part, edge in zip(self._shapes.segments[head], edges, strict=True)
        ]
        constant = self._shapes.constants.get(head)
        if constant is not None:
            terms.insert(0 if constant[0] == FIRST else len(terms), constant[1])
        total: Piece | None = None
        for term in terms:
            if isinstance(term, int):
                sign = "+" if term >= 0 else "-"
                piece = piece_of(term if term >= 0 else ~term)
            else:
                sign = "-" if total is not None and term.factor == -1.0 else "+"
                piece = writer.edge(Edge(1.0, term.expression) if sign == "-" else term)
            if total is None:
                total = piece
            elif self._chains.kinds[head] == "sum":
                total = add(total, sign, piece)
            else:
                total = write_operation(BINARY[self._chains.kinds[head]], [total, piece])
        assert total is not None
        return total

    def _add(self, heads: list[int]) -> bool:
        template, edges = self._generalizer.reductions(heads)
        if template.is_uneven and len(heads) > 1:
            return False
        settle(template, self._tables, is_pinned=True)
        before = len(self._tables.arrays)
        writer = Compact(template, self._tables, lambda _: PLACEHOLDER, 0)
        depth = max(writer.edge(edge).depth for edge in edges if edge is not None)
        added = list(self._tables.arrays.values())[before:]
        allowed = self._with_coefficients or not any(array.dtype.kind == "f" for array in added)
        if not allowed or depth > DEEPEST_WITH_INLINED:
            self._tables.forget(before)
            return False
        for member, head in enumerate(heads):
            self._found[head] = template, edges, member
        return True
