"""Where f lies on a box: for every node a ball that holds all its values there, or the admission that there is none.

The rules are strict. A value is given only where the node is defined, finite and continuous on the whole box:
no argument leaves the domain, no jump is met, and every choice is the same all over the box. Else it is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation
from raphson_solver.proof.balls import ONE, ZERO, hull, is_narrow

Value = arb | bool | None
"""A ball; whether a condition holds on the whole box; None where neither can be said."""

Rule = Callable[..., Value]


def _monotone(function: Callable[[arb], arb]) -> Rule:
    """Return the rule of a function that only rises or only falls: its values at the ends bound it."""

    def rule(a: arb) -> arb:
        if is_narrow(a):
            return function(a)
        return hull(function(a.lower()), function(a.upper()))

    return rule


def square(a: arb) -> arb:
    """Return a² without the numbers below 0 that a·a would have."""
    if is_narrow(a):
        return a * a
    low, high = a.abs_lower(), a.abs_upper()
    return hull(low * low, high * high)


def whole_power(a: arb, exponent: int) -> arb | None:
    """Return a**exponent, None where a negative one meets 0."""
    if exponent < 0:
        positive = whole_power(a, -exponent)
        return None if positive is None or positive.contains(ZERO) else ONE / positive
    if exponent == 0:
        return ONE
    if exponent % 2 == 0:
        return hull(_end_power(a.abs_lower(), exponent), _end_power(a.abs_upper(), exponent))
    return hull(_end_power(a.lower(), exponent), _end_power(a.upper(), exponent))


def _end_power(a: arb, exponent: int) -> arb:
    return ZERO if a.is_zero() else a**exponent


def whole(a: arb) -> int | None:
    """Return the whole number that a ball is, None if it is not one."""
    return int(a.fmpz()) if a.is_exact() and a.is_integer() else None


def power(a: arb, b: arb) -> arb | None:
    """Return a**b: of any base where b is one whole number, else where a is above 0."""
    exponent = whole(b)
    if exponent is not None:
        return whole_power(a, exponent)
    if not a > 0:
        return None
    if is_narrow(a) and is_narrow(b):
        return a**b
    low, high, first, last = a.lower(), a.upper(), b.lower(), b.upper()
    return hull(hull(low**first, low**last), hull(high**first, high**last))


def _divide(a: arb, b: arb) -> arb | None:
    return None if b.contains(ZERO) else a / b


def cbrt(a: arb) -> arb:
    """Return the cube root, odd."""
    if a >= 0:
        return _end_root(a) if is_narrow(a) else hull(_end_root(a.lower()), _end_root(a.upper()))
    if a <= 0:
        return -cbrt(-a)
    return hull(-_end_root(-a.lower()), _end_root(a.upper()))


def _end_root(a: arb) -> arb:
    return ZERO if a.is_zero() else a.root(3)


def cosh(a: arb) -> arb:
    """Return the hyperbolic cosine, even."""
    return a.cosh() if is_narrow(a) else hull(a.abs_lower().cosh(), a.abs_upper().cosh())


def _sign(a: arb) -> arb | None:
    if a > 0:
        return ONE
    if a < 0:
        return -ONE
    return ZERO if a.is_zero() else None


def _exact(step: arb) -> arb | None:
    """Return a step's value where it is one number: where no jump is met."""
    return step if step.is_exact() else None


def _remainder(a: arb, b: arb) -> arb | None:
    multiple = whole_multiples(a, b)
    return None if multiple is None else a - multiple * b


def whole_multiples(a: arb, b: arb) -> arb | None:
    """Return how many whole b are in a, None where that changes; the quotient is rounded towards 0."""
    if b.contains(ZERO):
        return None
    quotient = a / b
    if abs(quotient) < 1:
        return ZERO
    if quotient > 0:
        return _exact(quotient.floor())
    return _exact(quotient.ceil()) if quotient < 0 else None


def _arctan2(a: arb, b: arb) -> arb | None:
    """Return the angle, None where the negative half of the b-axis, over which it jumps, or 0 is met."""
    return arb.atan2(a, b) if b > 0 or a > 0 or a < 0 else None


def _hypot(a: arb, b: arb) -> arb:
    total = square(a) + square(b)
    if total > 0:
        return total.sqrt() if is_narrow(total) else hull(total.lower().sqrt(), total.upper().sqrt())
    return hull(ZERO, total.abs_upper().sqrt())


# --- conditions ---------------------------------------------------------------------------------------------
def _decided(holds: bool, fails: bool) -> bool | None:
    return True if holds else (False if fails else None)


def truth(a: Value) -> bool | None:
    """Return a condition, which is a number where it was folded to a constant."""
    return not a.is_zero() if isinstance(a, arb) else a


def _not(a: Value) -> bool | None:
    holds = truth(a)
    return None if holds is None else not holds


def _and(a: Value, b: Value) -> bool | None:
    first, second = truth(a), truth(b)
    return _decided(first is True and second is True, first is False or second is False)


def _or(a: Value, b: Value) -> bool | None:
    first, second = truth(a), truth(b)
    return _decided(first is True or second is True, first is False and second is False)


def _equal(a: arb, b: arb) -> bool | None:
    return _decided(a == b, not a.overlaps(b))


def _select(condition: Value, a: arb | None, b: arb | None) -> arb | None:
    holds = truth(condition)
    if holds is None:
        return None
    return a if holds else b


RULES: dict[Operation, Rule] = {
    op.ADD: lambda a, b: a + b,
    op.SUBTRACT: lambda a, b: a - b,
    op.MULTIPLY: lambda a, b: a * b,
    op.DIVIDE: _divide,
    op.NEGATIVE: lambda a: -a,
    op.POWER: power,
    op.SELECT: _select,
    op.AND: _and,
    op.OR: _or,
    op.NOT: _not,
    op.LESS: lambda a, b: _decided(a < b, a >= b),
    op.LESS_EQUAL: lambda a, b: _decided(a <= b, a > b),
    op.GREATER: lambda a, b: _decided(a > b, a <= b),
    op.GREATER_EQUAL: lambda a, b: _decided(a >= b, a < b),
    op.EQUAL: _equal,
    op.NOT_EQUAL: lambda a, b: _not(_equal(a, b)),
    op.EXP: _monotone(arb.exp),
    op.EXPM1: _monotone(arb.expm1),
    op.LOG: _monotone(arb.log),
    op.LOG1P: _monotone(arb.log1p),
    op.LOG2: _monotone(lambda a: a.log() / arb.const_log2()),
    op.LOG10: _monotone(lambda a: a.log() / arb.const_log10()),
    op.SQRT: _monotone(arb.sqrt),
    op.CBRT: cbrt,
    op.SIN: arb.sin,
    op.COS: arb.cos,
    op.TAN: arb.tan,
    op.ARCSIN: _monotone(arb.asin),
    op.ARCCOS: _monotone(arb.acos),
    op.ARCTAN: _monotone(arb.atan),
    op.SINH: _monotone(arb.sinh),
    op.COSH: cosh,
    op.TANH: _monotone(arb.tanh),
    op.ARCSINH: _monotone(arb.asinh),
    op.ARCCOSH: _monotone(arb.acosh),
    op.ARCTANH: _monotone(arb.atanh),
    op.ERF: _monotone(arb.erf),
    op.ERFC: _monotone(arb.erfc),
    op.ABS: lambda a: hull(a.abs_lower(), a.abs_upper()),
    op.SIGN: _sign,
    op.FLOOR: lambda a: _exact(a.floor()),
    op.CEIL: lambda a: _exact(a.ceil()),
    op.ARCTAN2: _arctan2,
    op.HYPOT: _hypot,
    op.REMAINDER: _remainder,
    op.MINIMUM: arb.min,
    op.MAXIMUM: arb.max,
}
"""For each operation, its enclosure from those of its arguments; these are never None, but for the next."""

THREE_VALUED = frozenset({op.SELECT, op.AND, op.OR, op.NOT})
"""Operations whose rules take None, for they may be known where an argument is not."""


class Enclosure:
    """The nodes that some outputs need, planned once and enclosed over many boxes.

    Attributes
    ----------
    nodes : list of int
        The nodes, in the order of evaluation; all other lists go by places in it.
    outputs : list of int
        The places of the outputs.
    """

    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        self.nodes = graph.reachable(outputs)
        place = {node: i for i, node in enumerate(self.nodes)}
        self.outputs = [place[node] for node in outputs]
        self.operation = [graph.operation[node] for node in self.nodes]
        self.arguments = [tuple(place[argument] for argument in graph.arguments[node]) for node in self.nodes]
        depends = graph.dependent()
        self.depends = [bool(depends[node]) for node in self.nodes]
        self._value = [graph.value[node] for node in self.nodes]
        self._steps = [self._step(i) for i in range(len(self.nodes))]

    def _step(self, i: int) -> tuple[Rule, float | None, tuple[int, ...], bool]:
        """Return a node's rule, its number if it is a leaf, its arguments, and whether they may be None."""
        kind, arguments = self.operation[i], self.arguments[i]
        if kind in _LEAVES:
            return _LEAVES[kind], self._value[i], (), False
        if kind is op.MULTIPLY and arguments[0] == arguments[1]:
            return square, None, arguments[:1], False
        return RULES[kind], None, arguments, kind in THREE_VALUED

    def values(self, x: Sequence[arb], p: Sequence[arb] = ()) -> list[Value]:
        """Return the enclosure of every planned node.

        Parameters
        ----------
        x : sequence of arb, length n
            The box.
        p : sequence of arb, length k, optional
            Parameters.
        """
        values: list[Any] = []
        value: Any
        for rule, number, arguments, takes_none in self._steps:
            if number is not None:
                value = rule(number, x, p)
            else:
                given = [values[argument] for argument in arguments]
                value = rule(*given) if takes_none or all(a is not None for a in given) else None
            if isinstance(value, arb) and not value.is_finite():
                value = None
            values.append(value)
        return values

    def enclose(self, x: Sequence[arb], p: Sequence[arb] = ()) -> list[arb | None]:
        """Return the enclosures of the outputs."""
        values: list[Any] = self.values(x, p)
        return [values[output] for output in self.outputs]

    def obstacle(self, values: Sequence[Value], output: int) -> str:
        """Return in plain words why the value at a place is None."""
        place = output
        while True:
            deeper = [i for i in self._needed(values, place) if values[i] is None]
            if not deeper:
                break
            place = deeper[0]
        kind = self.operation[place]
        if kind.yields_condition:
            return f"a choice is undecided on the box: `{kind.name}` changes there"
        if kind in _JUMPS:
            return f"a jump of `{kind.name}` is met on the box"
        return f"`{kind.name}` is not defined, or not finite, on all of the box"

    def _needed(self, values: Sequence[Value], place: int) -> tuple[int, ...]:
        arguments = self.arguments[place]
        if self.operation[place] is op.SELECT and values[arguments[0]] is not None:
            return (arguments[1] if truth(values[arguments[0]]) else arguments[2],)
        return arguments


_JUMPS = frozenset({op.SIGN, op.FLOOR, op.CEIL, op.REMAINDER, op.ARCTAN2})


_LEAVES: dict[Operation, Rule] = {
    op.CONSTANT: lambda value, x, p: arb(value),
    op.VARIABLE: lambda value, x, p: x[int(value)],
    op.PARAMETER: lambda value, x, p: p[int(value)],
}


def enclose(graph: Graph, outputs: Sequence[int], x: Sequence[arb], p: Sequence[arb] = ()) -> list[arb | None]:
    """Return the enclosures of some nodes over one box."""
    return Enclosure(graph, outputs).enclose(x, p)
