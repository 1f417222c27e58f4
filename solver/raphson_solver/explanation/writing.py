"""A node as text in the language, cut to a length: what is deep is left out first, for a ``…``.

Text is made from the top, and given up as soon as it grows too long, so a node that is shared a million times
over costs no more than the text that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import LARGEST_UNROLLED_POWER, Graph

ELLIPSIS = "…"
LENGTH = 80

# How tightly an expression binds, loosest first, as in the parser.
_ANY, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)
# Python's stack bears this many levels; deeper text is cut as if it were too long.
_DEEPEST = 150
_LARGEST_SQUARINGS = LARGEST_UNROLLED_POWER.bit_length() - 1
_CONDITIONS = frozenset({op.AND, op.OR, op.NOT})

# Literal text, or a node with how tightly it has to bind there.
_Piece = str | tuple[int, int]


def write(
    graph: Graph, node: int, variables: Sequence[str], parameters: Sequence[str] = (), length: int = LENGTH
) -> str:
    """Return a node as text of the language.

    Text that is not cut means the same when it is parsed again, to the last bit.

    Parameters
    ----------
    graph : Graph
        Holds the node.
    node : int
        What to write.
    variables, parameters : sequence of str
        The names of the elements of x and of p.
    length : int
        The most characters.
    """
    return _Writer(graph, variables, parameters).clipped(node, _ANY, length, _DEEPEST)


class _Writer:
    def __init__(self, graph: Graph, variables: Sequence[str], parameters: Sequence[str]) -> None:
        self._graph = graph
        self._variables = variables
        self._parameters = parameters

    # --- how long a text may be -----------------------------------------------------------------------------

    def clipped(self, node: int, level: int, length: int, depth: int) -> str:
        """Return the text, its arguments cut until it is short enough."""
        whole = self._whole(node, level, length, _DEEPEST)
        if whole is not None:
            return whole
        pieces = self._enclosed(node, level)
        inner = [piece for piece in pieces if not isinstance(piece, str)]
        rest = length - sum(len(piece) for piece in pieces if isinstance(piece, str))
        if not inner or rest < len(inner) or depth == 0:
            return ELLIPSIS
        texts: dict[int, str] = {}
        # What is short stays whole; what it leaves of its share goes to the others.
        waiting = list(range(len(inner)))
        while waiting:
            share = rest // len(waiting)
            short = {
                place: text for place in waiting if (text := self._whole(*inner[place], share, _DEEPEST)) is not None
            }
            if not short:
                short = {waiting[0]: self.clipped(*inner[waiting[0]], share, depth - 1)}
            texts |= short
            rest -= sum(map(len, short.values()))
            waiting = [place for place in waiting if place not in short]
        if set(texts.values()) == {ELLIPSIS} and self._pieces(node)[0] < _ATOM:
            # Operators between nothing but what is left out say nothing; a function's name does.
            return ELLIPSIS
        written = iter(texts[place] for place in range(len(inner)))
        return "".join(piece if isinstance(piece, str) else next(written) for piece in pieces)

    def _whole(self, node: int, level: int, length: int, depth: int) -> str | None:
        """Return the text, or None as soon as it is known to be too long or too deep."""
        pieces = self._enclosed(node, level)
        # Every piece has a character at least.
        rest = length - sum(len(piece) if isinstance(piece, str) else 1 for piece in pieces)
        if rest < 0 or depth == 0:
            return None
        texts = []
        for piece in pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            text = self._whole(*piece, rest + 1, depth - 1)
            if text is None:
                return None
            rest -= len(text) - 1
            texts.append(text)
        return "".join(texts)

    # --- what a text is made of -----------------------------------------------------------------------------

    def _enclosed(self, node: int, level: int) -> list[_Piece]:
        own, pieces = self._pieces(node)
        return ["(", *pieces, ")"] if own < level else pieces

    def _pieces(self, node: int) -> tuple[int, list[_Piece]]:
        """Return how tightly a node's text binds, and what it is made of."""
        graph = self._graph
        kind, arguments = graph.operation[node], graph.arguments[node]
        if kind is op.CONSTANT:
            value = graph.value[node]
            return (_SIGN if math.copysign(1.0, value) < 0 else _ATOM), [number(value)]
        if kind is op.VARIABLE:
            return _ATOM, [self._variables[int(graph.value[node])]]
        if kind is op.PARAMETER:
            return _ATOM, [self._parameters[int(graph.value[node])]]
        if kind is op.ADD or kind is op.SUBTRACT:
            return _SUM, self._sum(kind is op.ADD, *arguments)
        if kind is op.MULTIPLY:
            return self._product(node)
        if kind is op.DIVIDE:
            return _PRODUCT, [(arguments[0], _PRODUCT), "/", (arguments[1], _SIGN)]
        if kind is op.NEGATIVE:
            return self._negative(arguments[0])
        if kind is op.POWER:
            return _POWER, [(arguments[0], _ATOM), "**", (arguments[1], _SIGN)]
        if kind in _CONDITIONS:
            return self._logic(kind, arguments)
        if kind.yields_condition:
            return _COMPARISON, [(arguments[0], _SUM), f" {kind.name} ", (arguments[1], _SUM)]
        pieces: list[_Piece] = [kind.name, "("]
        for place, argument in enumerate(arguments):
            if place:
                pieces.append(", ")
            pieces.append(self._condition(argument, _ANY) if place == 0 and kind is op.SELECT else (argument, _ANY))
        return _ATOM, [*pieces, ")"]

    def _sum(self, is_added: bool, a: int, b: int) -> list[_Piece]:
        if is_added and (self._constant(a) is not None or (self._is_sum(b) and not self._is_sum(a))):
            # The sum is the same, without brackets and with its number last.
            a, b = b, a
        value = self._constant(b)
        if value is not None and value < 0:
            return [(a, _SUM), " - " if is_added else " + ", number(-value)]
        return [(a, _SUM), " + " if is_added else " - ", (b, _PRODUCT)]

    def _product(self, node: int) -> tuple[int, list[_Piece]]:
        base, exponent = self._power(node)
        if exponent > 1:
            return _POWER, [(base, _ATOM), f"**{exponent}"]
        a, b = self._graph.arguments[node]
        if (self._constant(b) is not None or self._is_product(b)) and not self._is_product(a):
            # The product is the same.
            a, b = b, a
        return _PRODUCT, [(a, _PRODUCT), "*", (b, _SIGN)]

    def _negative(self, argument: int) -> tuple[int, list[_Piece]]:
        """Return −a; the sign of a product is that of its first factor."""
        if not self._is_product(argument):
            return _SIGN, ["-", (argument, _SIGN)]
        return _PRODUCT, ["-", (argument, _ATOM if self._begins_with_sign(argument) else _PRODUCT)]

    def _logic(self, kind: op.Operation, arguments: tuple[int, ...]) -> tuple[int, list[_Piece]]:
        if kind is op.NOT:
            return _COMPARISON, ["not ", self._condition(arguments[0], _COMPARISON)]
        level = _AND if kind is op.AND else _OR
        a, b = arguments
        return level, [self._condition(a, level), f" {kind.name} ", self._condition(b, level + 1)]

    def _condition(self, node: int, level: int) -> _Piece:
        """Return a node that stands for a truth value; a known one has no name in the language."""
        value = self._constant(node)
        if value is None:
            return node, level
        return "0 == 0" if value else "0 == 1"

    # --- what is known of a node ----------------------------------------------------------------------------

    def _constant(self, node: int) -> float | None:
        return self._graph.value[node] if self._graph.operation[node] is op.CONSTANT else None

    def _is_sum(self, node: int) -> bool:
        kind = self._graph.operation[node]
        return kind is op.ADD or kind is op.SUBTRACT

    def _is_product(self, node: int) -> bool:
        kind = self._graph.operation[node]
        return kind is op.DIVIDE or (kind is op.MULTIPLY and self._power(node)[1] == 1)

    def _begins_with_sign(self, node: int) -> bool:
        while self._is_product(node):
            first = self._pieces(node)[1][0]
            assert not isinstance(first, str)
            node = first[0]
        value = self._constant(node)
        return self._graph.operation[node] is op.NEGATIVE or (value is not None and math.copysign(1.0, value) < 0)

    def _power(self, node: int) -> tuple[int, int]:
        """Return base and exponent of the multiplications that a whole power becomes; (node, 1) if it is none.

        x**11 is ((x·x²)·x⁸) with x⁸ a square of squares: from the last factor to the first, ever fewer squarings.
        """
        graph = self._graph
        base, squarings = self._squarings(node)
        if squarings:
            return base, 2**squarings
        exponent, last, inner = 0, _LARGEST_SQUARINGS + 1, node
        while graph.operation[inner] is op.MULTIPLY:
            (low_base, low), (high_base, high) = sorted(
                map(self._squarings, graph.arguments[inner]), key=lambda found: found[1]
            )
            if not low < high < last or exponent + 2**high + 2**low > LARGEST_UNROLLED_POWER:
                break
            exponent, last = exponent + 2**high, high
            if low_base == high_base:
                return low_base, exponent + 2**low
            if low or base not in {node, high_base}:
                break
            base, inner = high_base, low_base
        return node, 1

    def _squarings(self, node: int) -> tuple[int, int]:
        """Return what a node is the square of the square … of, and how many squares."""
        graph, count = self._graph, 0
        while count < _LARGEST_SQUARINGS and graph.operation[node] is op.MULTIPLY:
            a, b = graph.arguments[node]
            if a != b:
                break
            node, count = a, count + 1
        return node, count


def number(value: float) -> str:
    """Return the shortest text that is this number again, ``3`` for 3.0."""
    if value == math.pi:
        return "pi"
    return repr(float(value)).removesuffix(".0")
