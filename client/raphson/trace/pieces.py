"""One expression's text: how a node is written, given the text of its arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from raphson.errors import TraceError
from raphson.trace import operations as ops
from raphson.trace.operations import Precedence

if TYPE_CHECKING:
    from raphson.trace.scalar import TracedScalar

LARGEST_EXACT_INTEGER = 2**53


class Piece(NamedTuple):
    """A node's text, how tightly it binds, and how deep it nests."""

    text: str
    precedence: Precedence
    depth: int

    def within(self, least: Precedence) -> str:
        """Return the text, in parentheses unless it binds at least this tightly."""
        return self.text if self.precedence >= least else f"({self.text})"


def write(node: TracedScalar, arguments: Sequence[Piece]) -> Piece:
    """Write one node, given its arguments' text."""
    operation = node.operation
    if operation is ops.NAME:
        return Piece(str(node.value), Precedence.ATOM, 0)
    if operation is ops.CONSTANT:
        return number(float(node.value))
    if operation is ops.TRUTH:
        return Piece("1 == 1" if node.value else "1 == 0", Precedence.COMPARISON, 0)
    return write_operation(operation, arguments)


def write_operation(operation: ops.Operation, arguments: Sequence[Piece]) -> Piece:
    """Write an operation on what is already text."""
    precedence = operation.precedence
    match operation:
        case ops.ADD | ops.SUBTRACT:
            return add(arguments[0], operation.name, arguments[1])
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
            text = f"{operation.name}({', '.join([argument.text for argument in arguments])})"
    return Piece(text, precedence, 1 + max([argument.depth for argument in arguments]))


def add(left: Piece, sign: str, right: Piece) -> Piece:
    """Write left + right or left - right."""
    term = right.within(Precedence.PRODUCT)
    if right.depth == 0 and term.startswith("-"):
        # a + -2 and a - 2 are the same number.
        sign, term = ("-" if sign == "+" else "+"), term[1:]
    return Piece(f"{left.within(Precedence.SUM)} {sign} {term}", Precedence.SUM, 1 + max(left.depth, right.depth))


def number(value: float) -> Piece:
    """Write a number so that it is read back exactly.

    Raises
    ------
    TraceError
        If it is not finite.
    """
    if not math.isfinite(value):
        raise not_finite(value)
    is_whole = value.is_integer() and abs(value) < LARGEST_EXACT_INTEGER and (value or math.copysign(1, value) > 0)
    text = str(int(value)) if is_whole else repr(value)
    return Piece(text, Precedence.SIGN if text.startswith("-") else Precedence.ATOM, 0)


def not_finite(value: float) -> TraceError:
    """Build the error for a constant that no text can hold."""
    return TraceError(
        f"the function computes with the constant {value}, which the language does not have. Look for a "
        "division by zero, a logarithm of zero, or an element of np.empty_like that is never written."
    )
