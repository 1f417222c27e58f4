"""From traced residuals to equations text: shared and deep parts become ``t1 := …`` definitions."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from raphson.errors import TraceError
from raphson.trace import operations as ops
from raphson.trace.graph import ancestors
from raphson.trace.operations import Precedence

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from raphson.trace.scalar import TracedScalar

# Repeating something shorter costs less than naming it, and cannot grow the text by more than this a use.
SHORT_CHARACTERS = 12
# Well below what parsers accept, so that a long loop is no deeper for them than a page of definitions.
MAXIMUM_DEPTH = 30
MAXIMUM_CHARACTERS = 1000
LARGEST_EXACT_INTEGER = 2**53


class Piece(NamedTuple):
    """A node's text, how tightly it binds, and how deep it nests."""

    text: str
    precedence: Precedence
    depth: int

    def within(self, least: Precedence) -> str:
        """Return the text, in parentheses unless it binds at least this tightly."""
        return self.text if self.precedence >= least else f"({self.text})"


@dataclass(frozen=True, slots=True)
class EquationsText:
    """What a trace is written as.

    Attributes
    ----------
    definitions : tuple of str
        ``"t1 := …"``, each using only earlier ones.
    residuals : tuple of str
        One expression an equation.
    """

    definitions: tuple[str, ...]
    residuals: tuple[str, ...]


def write_equations(residuals: Sequence[TracedScalar], taken: Collection[str]) -> EquationsText:
    """Write residuals as text whose length grows with the number of nodes, whatever they share.

    Parameters
    ----------
    residuals : sequence of TracedScalar
        What is to be zero.
    taken : collection of str
        The caller's names, which definitions must not use.
    """
    prefix = "t"
    while any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in taken):
        prefix += "_"
    nodes = ancestors(residuals)
    uses = Counter(argument.index for node in nodes for argument in node.arguments)
    uses.update(residual.index for residual in residuals)
    pieces: dict[int, Piece] = {}
    definitions: list[str] = []
    for node in nodes:
        piece = write(node, [pieces[argument.index] for argument in node.arguments])
        if _deserves_a_name(piece, uses[node.index]):
            name = f"{prefix}{len(definitions) + 1}"
            is_condition = node.operation.yields_condition
            # A definition is a number, so a condition is kept as 1 or 0.
            definitions.append(f"{name} := where({piece.text}, 1, 0)" if is_condition else f"{name} := {piece.text}")
            piece = Piece(f"{name} != 0", Precedence.COMPARISON, 0) if is_condition else Piece(name, Precedence.ATOM, 0)
        pieces[node.index] = piece
    return EquationsText(tuple(definitions), tuple(pieces[residual.index].text for residual in residuals))


def _deserves_a_name(piece: Piece, uses: int) -> bool:
    if piece.depth == 0:
        return False
    shared = uses > 1 and len(piece.text) > SHORT_CHARACTERS
    return shared or piece.depth > MAXIMUM_DEPTH or len(piece.text) > MAXIMUM_CHARACTERS


def write(node: TracedScalar, arguments: Sequence[Piece]) -> Piece:
    """Write one node, given its arguments' text."""
    operation, precedence = node.operation, node.operation.precedence
    depth = 1 + max((argument.depth for argument in arguments), default=-1)
    match operation:
        case ops.NAME:
            return Piece(str(node.value), Precedence.ATOM, depth)
        case ops.CONSTANT:
            return _number(float(node.value))
        case ops.TRUTH:
            return Piece("1 == 1" if node.value else "1 == 0", Precedence.COMPARISON, depth)
        case ops.ADD | ops.SUBTRACT:
            return Piece(_sum(operation, *arguments), precedence, depth)
        case ops.MULTIPLY | ops.DIVIDE:
            left, right = arguments
            text = f"{left.within(precedence)}{operation.name}{right.within(Precedence.SIGN)}"
        case ops.POWER:
            base, exponent = arguments
            text = f"{base.within(Precedence.ATOM)}**{exponent.within(Precedence.ATOM)}"
        case ops.NEGATIVE:
            text = f"-{arguments[0].within(Precedence.POWER)}"
        case ops.NOT:
            text = f"not {arguments[0].within(Precedence.NOT)}"
        case ops.AND | ops.OR:
            left, right = arguments
            text = f"{left.within(precedence)} {operation.name} {right.within(Precedence(precedence + 1))}"
        case _ if precedence is Precedence.COMPARISON:
            left, right = arguments
            text = f"{left.within(Precedence.SUM)} {operation.name} {right.within(Precedence.SUM)}"
        case _:
            text = f"{operation.name}({', '.join(argument.text for argument in arguments)})"
    return Piece(text, precedence, depth)


def _sum(operation: ops.Operation, left: Piece, right: Piece) -> str:
    sign, term = operation.name, right.within(Precedence.PRODUCT)
    if right.depth == 0 and term.startswith("-"):
        # a + -2 and a - 2 are the same number.
        sign, term = ("-" if sign == "+" else "+"), term[1:]
    return f"{left.within(Precedence.SUM)} {sign} {term}"


def _number(value: float) -> Piece:
    if not math.isfinite(value):
        raise TraceError(
            f"the function computes with the constant {value}, which the language does not have. Look for a "
            "division by zero, a logarithm of zero, or an element of np.empty_like that is never written."
        )
    is_integer = value.is_integer() and abs(value) < LARGEST_EXACT_INTEGER and math.copysign(1, value) * value >= 0
    text = str(int(value)) if is_integer and (value or math.copysign(1, value) > 0) else repr(value)
    return Piece(text, Precedence.SIGN if text.startswith("-") else Precedence.ATOM, 0)
