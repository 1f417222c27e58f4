"""A template as text: one expression, with loops, indices and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raphson.trace import operations as ops
from raphson.trace.operations import Precedence
from raphson.trace.pieces import Piece, add, number, write_operation
from raphson.trace.templates import Apply, Column, Leaf, Reduce, Same, Sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from raphson.trace.levels import Level
    from raphson.trace.tables import Tables
    from raphson.trace.templates import Edge, Expression, Template

Terms = list[tuple[int, str]]
"""Slopes and names of an affine index."""


class Compact:
    """Writes a settled template.

    Parameters
    ----------
    template : Template
    tables : Tables
        Receives what is not affine in the indices.
    piece_of : callable
        Gives the text of a node that is the same in all members.
    member : int, optional
        Which member to write, if one by one; else the text holds for all of them, in loops.
    """

    def __init__(
        self, template: Template, tables: Tables, piece_of: Callable[[int], Piece], member: int | None = None
    ) -> None:
        self._tables, self._piece_of, self._member = tables, piece_of, member
        self._pinned = None if member is None else template.root

    def edge(self, edge: Edge) -> Piece:
        """Write a factor times an expression."""
        return self._product(edge, negated=False)

    def _product(self, edge: Edge, *, negated: bool) -> Piece:
        """Write a factor, or the factor of other sign, times an expression."""
        if isinstance(edge.factor, Column):
            value, factor = 0.0, self._number(edge.factor, negated=negated)
        else:
            value = -edge.factor if negated else edge.factor
            factor = number(value)
        if edge.expression is None:
            return factor
        piece = self._expression(edge.expression)
        if value == 1.0:
            return piece
        return write_operation(*((ops.NEGATIVE, [piece]) if value == -1.0 else (ops.MULTIPLY, [factor, piece])))

    def loops(self, level: Level) -> str:
        """Write the loops of a level: `` for i in range(1, 9) for j in range(9)``."""
        if not level.is_ragged:
            return "".join([f" for {d.name} in {_range(d.start, d.start + d.size)}" for d in level.digits])
        name = level.digits[0].name
        if level.is_flat:
            return f" for {name} in range({self._row(level, 0)}, {self._row(level, 1)})"
        assert level.extents is not None
        return f" for {name} in range({self._place(level.extents)})"

    # --- expressions
    def _expression(self, expression: Expression) -> Piece:
        match expression:
            case Same(node):
                return self._piece_of(node)
            case Leaf(name, indices):
                places = [str(index) if isinstance(index, int) else self._place(index) for index in indices]
                return Piece(f"{name}[{','.join(places)}]" if places else name, Precedence.ATOM, min(len(places), 1))
            case Apply(operation, arguments):
                return write_operation(operation, [self.edge(argument) for argument in arguments])
            case Sum(terms):
                return self._sum(terms)
            case Reduce(kind, level, body):
                return self._reduction(kind, level, body)

    def _sum(self, terms: list[Edge]) -> Piece:
        total = self.edge(terms[0])
        deepest = total.depth
        for term in terms[1:]:
            negated = self._is_negative(term.factor)
            piece = self._product(term, negated=negated)
            total = add(total, "-" if negated else "+", piece)
            deepest = max(deepest, piece.depth)
        return total._replace(depth=deepest + 1)

    def _reduction(self, kind: str, level: Level, body: list[Edge]) -> Piece:
        if kind == "sum" or len(body) == 1:
            inner = self._sum(body) if len(body) > 1 else self.edge(body[0])
        elif kind == "prod":
            pieces = [self.edge(edge) for edge in body]
            text = "*".join([piece.within(Precedence.SIGN) for piece in pieces])
            inner = Piece(text, Precedence.PRODUCT, 1 + max(piece.depth for piece in pieces))
        else:
            pieces = [self.edge(edge) for edge in body]
            text = f"{kind}({', '.join(piece.text for piece in pieces)})"
            inner = Piece(text, Precedence.ATOM, 1 + max(piece.depth for piece in pieces))
        loops = max(len(level.digits), 1)
        return Piece(f"{kind}({inner.text}{self.loops(level)})", Precedence.ATOM, inner.depth + 1 + loops)

    # --- numbers and places
    def _is_negative(self, factor: float | Column) -> bool:
        """Tell whether a factor is better subtracted: a negative number, or an index with a sign before it."""
        if not isinstance(factor, Column):
            return factor < 0
        if factor.parts is None:
            return False
        terms, constant = self._affine(factor)
        return bool(terms) and constant <= 0 and all(slope <= 0 for slope, _ in terms)

    def _number(self, column: Column, *, negated: bool) -> Piece:
        if column.parts is None:
            text = self._table(column)
            return Piece(text, Precedence.ATOM, 1) if isinstance(text, str) else number(text)
        terms, constant = self._affine(column)
        if negated:
            terms, constant = [(-slope, name) for slope, name in terms], -constant
        if not terms:
            return number(float(constant))
        precedence = Precedence.SUM
        if len(terms) == 1 and not constant:
            slope = terms[0][0]
            precedence = Precedence.SIGN if slope < 0 else Precedence.ATOM if slope == 1 else Precedence.PRODUCT
        return Piece(_written(terms, constant), precedence, 1)

    def _place(self, column: Column) -> str:
        if column.parts is None:
            place = self._table(column)
            return place if isinstance(place, str) else str(int(place))
        return _written(*self._affine(column))

    def _affine(self, column: Column) -> tuple[Terms, int]:
        terms: Terms = []
        constant = 0
        for part in column.parts or ():
            if part.level is self._pinned:
                constant += int(part.sequence[self._member])
                continue
            constant += int(part.sequence[0])
            for digit, slope in zip(part.level.digits, part.slopes, strict=True):
                if slope:
                    terms.append((slope, digit.name))
                    constant -= slope * digit.start
                    if part.level.is_flat:
                        row = self._row(part.level, 0)
                        terms, constant = (
                            (terms, constant - slope * int(row))
                            if row.isdigit()
                            else (
                                [*terms, (-slope, row)],
                                constant,
                            )
                        )
        return terms, constant

    def _position(self, level: Level) -> tuple[Terms, int]:
        """Return the number of a level's step, counted through all steps of the level around."""
        if level is self._pinned:
            assert self._member is not None
            return [], self._member
        if level.is_ragged:
            return [(1, level.digits[0].name)], 0
        terms, constant = self._position(level.around) if level.around else ([], 0)
        terms, constant = [(slope * level.extent, name) for slope, name in terms], constant * level.extent
        stride = level.extent
        for digit in level.digits:
            stride //= digit.size
            terms.append((stride, digit.name))
            constant -= stride * digit.start
        return terms, constant

    def _row(self, level: Level, further: int) -> str:
        """Write where the steps of a level begin in the present step around, or in the next."""
        assert level.around is not None
        terms, constant = self._position(level.around)
        if not terms:
            return str(level.starts[constant + further])
        return f"{self._tables.add(level.starts)}[{_written(terms, constant + further)}]"

    def _table(self, column: Column) -> str | float:
        """Write a reference to a table of a column's values, or the value if it is but one."""
        beside = (
            [factor for factor in column.beside if factor.parts is None] if column.level is not self._pinned else []
        )
        together = len(beside) > 1
        values: NDArray[Any] = np.stack([each.values for each in beside], -1) if together else column.values[:, None]
        level = column.level
        while level.around is not None and (values == values[level.starts[:-1]][level.owner]).all():
            values, level = values[level.starts[:-1]], level.around
        if level is self._pinned and not together:
            return float(values[self._member, 0])
        sizes, places = self._axes(level)
        values = values.reshape([*sizes, -1])
        for axis in reversed(range(len(sizes))):
            first = values.take([0], axis)
            if (values == first).all():
                values = first.squeeze(axis)
                places.pop(axis)
        if together:
            places.append(str(beside.index(column)))
        else:
            values = values[..., 0]
        return f"{self._tables.add(np.ascontiguousarray(values))}[{','.join(places)}]"

    def _axes(self, level: Level) -> tuple[list[int], list[str]]:
        """Return the loops that lead to a level's steps, each with its size and its index from 0."""
        chain = level.chain
        flat = max((place for place, around in enumerate(chain) if around.is_ragged), default=-1)
        sizes = [chain[flat].size] if flat >= 0 else []
        places = [chain[flat].digits[0].name] if flat >= 0 else []
        for around in chain[flat + 1 :]:
            if around is self._pinned:
                sizes.append(around.size)
                places.append(str(self._member))
            else:
                sizes += [digit.size for digit in around.digits]
                places += [_written([(1, digit.name)], -digit.start) for digit in around.digits]
        return sizes, places


def _range(start: int, stop: int) -> str:
    return f"range({start}, {stop})" if start else f"range({stop})"


def _written(terms: Terms, constant: int) -> str:
    """Write an affine index: ``i-1``, ``8*i+j``, ``9-i``."""
    parts = [(slope, name if abs(slope) == 1 else f"{abs(slope)}*{name}") for slope, name in terms if slope]
    if constant or not parts:
        parts.append((constant, str(abs(constant))))
    parts.sort(key=lambda part: part[0] < 0)
    text = "".join([f"{'-' if slope < 0 else '+'}{part}" for slope, part in parts])
    return text.removeprefix("+")
