"""How far f reaches on a box: bounds of the values it takes where it is defined, whatever it does elsewhere.

Unlike an enclosure this allows for jumps, choices that differ over the box, poles and parts outside the domain.
That is what it takes to say that f is nowhere zero. Bounds are doubles, rounded outwards, and may be infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation
from raphson_solver.proof.balls import above, below

Extent = tuple[float, float]
"""The least and the greatest value; of a condition, whether it may hold and whether it may fail."""

Rule = Callable[..., Extent | None]
"""None: nowhere defined."""

_ALL = (-math.inf, math.inf)
_HALF_PI = math.nextafter(0.5 * math.pi, 4.0)
_PI = math.nextafter(math.pi, 4.0)
_EITHER = (True, True)
_PHASE_SLACK = 1e-9
_LARGEST_PHASE = 1e6


def _down(value: float) -> float:
    return math.nextafter(value, -math.inf)


def _up(value: float) -> float:
    return math.nextafter(value, math.inf)


# --- arithmetic ------------------------------------------------------------------------------------------
def _add(a: Extent, b: Extent) -> Extent:
    return _down(a[0] + b[0]), _up(a[1] + b[1])


def _negative(a: Extent) -> Extent:
    return -a[1], -a[0]


def _product(a: float, b: float) -> float:
    """Return a·b, where an infinite bound, which is of finite numbers, times 0 is 0."""
    product = a * b
    return product if product == product else 0.0  # noqa: PLR0124 - NaN


def _multiply(a: Extent, b: Extent) -> Extent:
    corners = (_product(a[0], b[0]), _product(a[0], b[1]), _product(a[1], b[0]), _product(a[1], b[1]))
    return _down(min(corners)), _up(max(corners))


def _square(a: Extent) -> Extent:
    low, high = _abs(a)
    return max(0.0, _down(low * low)), _up(high * high)


def _of_square(a: Extent, _: Extent) -> Extent:
    return _square(a)


def _reciprocal(b: Extent) -> Extent | None:
    if b[0] > 0.0 or b[1] < 0.0:
        return _down(1.0 / b[1]), _up(1.0 / b[0])
    if b[0] < 0.0 < b[1]:
        return _ALL
    if b[1] > 0.0:
        return _down(1.0 / b[1]), math.inf
    return (-math.inf, _up(1.0 / b[0])) if b[0] < 0.0 else None


def _divide(a: Extent, b: Extent) -> Extent | None:
    reciprocal = _reciprocal(b)
    return None if reciprocal is None else _multiply(a, reciprocal)


def _power(a: Extent, b: Extent) -> Extent | None:
    if b[0] == b[1] and b[0].is_integer():
        return _whole_power(a, int(b[0]))
    if a[0] < 0.0:
        # Only of whole exponents, which lie among these if there is more than one.
        if b[0] != b[1]:
            return _ALL
        if a[1] < 0.0:
            return None
    corners = [bound for base in (max(a[0], 0.0), a[1]) for exponent in b for bound in _corner(base, exponent)]
    # An infinite least value is a pole met all over the box.
    return None if min(corners) == math.inf else (min(corners), max(corners))


def _corner(base: float, exponent: float) -> Extent:
    """Return bounds of base**exponent with base ≥ 0, also where one of them is infinite."""
    if base in {0.0, math.inf} or math.isinf(exponent):
        if exponent == 0.0:
            return 1.0, 1.0
        if math.isinf(exponent) or base == 1.0:
            return 0.0, math.inf
        return (0.0, 0.0) if (base == 0.0) == (exponent > 0.0) else (math.inf, math.inf)
    value = arb(base) ** arb(exponent)
    return (below(value), above(value)) if value.is_finite() else (0.0, math.inf)


def _whole_power(a: Extent, exponent: int) -> Extent | None:
    if exponent < 0:
        positive = _whole_power(a, -exponent)
        return None if positive is None else _reciprocal(positive)
    if exponent == 0:
        return 1.0, 1.0
    low, high = _abs(a) if exponent % 2 == 0 else a
    return _end_power(low, exponent)[0], _end_power(high, exponent)[1]


def _end_power(base: float, exponent: int) -> Extent:
    if base == 0.0 or math.isinf(base):
        return base, base
    value = arb(base) ** exponent
    return (below(value), above(value)) if value.is_finite() else _ALL


# --- functions of one number --------------------------------------------------------------------------------
def _rising(
    function: Callable[[arb], arb],
    domain: Extent = _ALL,
    limits: Extent = _ALL,
    is_open: bool = True,
) -> Rule:
    """Return the rule of a function that only rises, with its limits at the ends of a domain without these ends."""

    def rule(a: Extent) -> Extent | None:
        low, high = max(a[0], domain[0]), min(a[1], domain[1])
        if low > high or (is_open and (high <= domain[0] or low >= domain[1])):
            return None
        least = limits[0] if low == domain[0] and (is_open or math.isinf(low)) else below(function(arb(low)))
        greatest = limits[1] if high == domain[1] and (is_open or math.isinf(high)) else above(function(arb(high)))
        return least, greatest

    return rule


def _falling(
    function: Callable[[arb], arb], domain: Extent = _ALL, limits: Extent = _ALL, is_open: bool = True
) -> Rule:
    rising = _rising(lambda a: -function(a), domain, (-limits[0], -limits[1]), is_open)

    def rule(a: Extent) -> Extent | None:
        extent = rising(a)
        return None if extent is None else _negative(extent)

    return rule


def _cbrt_end(a: arb) -> arb:
    if a.is_zero():
        return a
    return a.root(3) if a > 0 else -((-a).root(3))


def _abs(a: Extent) -> Extent:
    if a[0] >= 0.0:
        return a
    return (-a[1], -a[0]) if a[1] <= 0.0 else (0.0, max(-a[0], a[1]))


def _meets(a: Extent, phase: float, period: float) -> bool:
    """Return whether phase + k·period may lie in a, for some whole k; the ends of a are below 1e6."""
    first, last = (a[0] - phase) / period - _PHASE_SLACK, (a[1] - phase) / period + _PHASE_SLACK
    return math.ceil(first) <= math.floor(last)


def _wave(function: Callable[[arb], arb], top: float) -> Rule:
    """Return the rule of the sine, or cosine, which is 1 at `top` and −1 half a turn later."""

    def rule(a: Extent) -> Extent:
        if not (a[0] > -_LARGEST_PHASE and a[1] < _LARGEST_PHASE):
            return _far_wave(function, a)
        first, last = function(arb(a[0])), function(arb(a[1]))
        least = -1.0 if _meets(a, top + math.pi, 2.0 * math.pi) else max(-1.0, min(below(first), below(last)))
        greatest = 1.0 if _meets(a, top, 2.0 * math.pi) else min(1.0, max(above(first), above(last)))
        return least, greatest

    return rule


def _far_wave(function: Callable[[arb], arb], a: Extent) -> Extent:
    if a[0] != a[1]:
        return -1.0, 1.0
    value = function(arb(a[0]))
    return max(-1.0, below(value)), min(1.0, above(value))


def _tan(a: Extent) -> Extent:
    if not (a[0] > -_LARGEST_PHASE and a[1] < _LARGEST_PHASE) or _meets(a, 0.5 * math.pi, math.pi):
        return _ALL
    first, last = arb(a[0]).tan(), arb(a[1]).tan()
    return (below(first), above(last)) if first.is_finite() and last.is_finite() else _ALL


_cosh_of_size = _rising(arb.cosh, (0.0, math.inf), (1.0, math.inf), is_open=False)


def _sign_of(value: float) -> float:
    return float((value > 0.0) - (value < 0.0))


def _stepping(step: Callable[[float], int]) -> Rule:
    def rule(a: Extent) -> Extent:
        low, high = (end if math.isinf(end) else float(step(end)) for end in a)
        return low, high

    return rule


# --- functions of two numbers -----------------------------------------------------------------------------------
def _arctan2(a: Extent, b: Extent) -> Extent:
    meets_jump = a[0] <= 0.0 <= a[1] and b[0] <= 0.0
    if meets_jump or any(map(math.isinf, (*a, *b))):
        return -_PI, _PI
    corners = [arb.atan2(arb(y), arb(x)) for y in a for x in b]
    return min(map(below, corners)), max(map(above, corners))


def _hypot(a: Extent, b: Extent) -> Extent:
    low, high = _add(_square(a), _square(b))
    return max(0.0, _down(math.sqrt(max(low, 0.0)))), _up(math.sqrt(high))


def _remainder(a: Extent, b: Extent) -> Extent | None:
    quotient = _divide(a, b)
    if quotient is None:
        return None
    if not (math.isinf(quotient[0]) or math.isinf(quotient[1])):
        first, last = math.trunc(quotient[0]), math.trunc(quotient[1])
        if first == last and abs(first) < 2**53:
            return _add(a, _multiply((-float(first), -float(first)), b))
    largest = min(_abs(a)[1], _abs(b)[1])
    return (0.0 if a[0] >= 0.0 else -largest), (0.0 if a[1] <= 0.0 else largest)


# --- conditions and choices -----------------------------------------------------------------------------------
def _truth(a: Extent) -> tuple[bool, bool]:
    """Return a condition, which is a number where it was folded to a constant."""
    may_hold, may_fail = a
    if isinstance(may_hold, bool):
        return may_hold, bool(may_fail)
    return may_hold != 0.0, may_hold == 0.0


def _not(a: Extent) -> Extent:
    may_hold, may_fail = _truth(a)
    return may_fail, may_hold


def _and(a: Extent, b: Extent) -> Extent:
    first, second = _truth(a), _truth(b)
    return first[0] and second[0], first[1] or second[1]


def _or(a: Extent, b: Extent) -> Extent:
    first, second = _truth(a), _truth(b)
    return first[0] or second[0], first[1] and second[1]


def _less(a: Extent, b: Extent) -> Extent:
    return a[0] < b[1], a[1] >= b[0]


def _less_equal(a: Extent, b: Extent) -> Extent:
    return a[0] <= b[1], a[1] > b[0]


def _equal(a: Extent, b: Extent) -> Extent:
    return a[0] <= b[1] and b[0] <= a[1], not a[0] == a[1] == b[0] == b[1]


def _select(condition: Extent, a: Extent | None, b: Extent | None) -> Extent | None:
    may_hold, may_fail = _truth(condition)
    if not may_fail or b is None:
        return a if may_hold else None
    if not may_hold or a is None:
        return b
    return min(a[0], b[0]), max(a[1], b[1])


RULES: dict[Operation, Rule] = {
    op.ADD: _add,
    op.SUBTRACT: lambda a, b: (_down(a[0] - b[1]), _up(a[1] - b[0])),
    op.MULTIPLY: _multiply,
    op.DIVIDE: _divide,
    op.NEGATIVE: _negative,
    op.POWER: _power,
    op.SELECT: _select,
    op.AND: _and,
    op.OR: _or,
    op.NOT: _not,
    op.LESS: _less,
    op.LESS_EQUAL: _less_equal,
    op.GREATER: lambda a, b: _less(b, a),
    op.GREATER_EQUAL: lambda a, b: _less_equal(b, a),
    op.EQUAL: _equal,
    op.NOT_EQUAL: lambda a, b: _not(_equal(a, b)),
    op.EXP: _rising(arb.exp, limits=(0.0, math.inf)),
    op.EXPM1: _rising(arb.expm1, limits=(-1.0, math.inf)),
    op.LOG: _rising(arb.log, (0.0, math.inf)),
    op.LOG1P: _rising(arb.log1p, (-1.0, math.inf)),
    op.LOG2: _rising(lambda a: a.log() / arb.const_log2(), (0.0, math.inf)),
    op.LOG10: _rising(lambda a: a.log() / arb.const_log10(), (0.0, math.inf)),
    op.SQRT: _rising(arb.sqrt, (0.0, math.inf), is_open=False),
    op.CBRT: _rising(_cbrt_end),
    op.SIN: _wave(arb.sin, 0.5 * math.pi),
    op.COS: _wave(arb.cos, 0.0),
    op.TAN: _tan,
    op.ARCSIN: _rising(arb.asin, (-1.0, 1.0), is_open=False),
    op.ARCCOS: _falling(arb.acos, (-1.0, 1.0), is_open=False),
    op.ARCTAN: _rising(arb.atan, limits=(-_HALF_PI, _HALF_PI)),
    op.SINH: _rising(arb.sinh),
    op.COSH: lambda a: _cosh_of_size(_abs(a)),
    op.TANH: _rising(arb.tanh, limits=(-1.0, 1.0)),
    op.ARCSINH: _rising(arb.asinh),
    op.ARCCOSH: _rising(arb.acosh, (1.0, math.inf), is_open=False),
    op.ARCTANH: _rising(arb.atanh, (-1.0, 1.0)),
    op.ERF: _rising(arb.erf, limits=(-1.0, 1.0)),
    op.ERFC: _falling(arb.erfc, limits=(2.0, 0.0)),
    op.ABS: _abs,
    op.SIGN: lambda a: (_sign_of(a[0]), _sign_of(a[1])),
    op.FLOOR: _stepping(math.floor),
    op.CEIL: _stepping(math.ceil),
    op.ARCTAN2: _arctan2,
    op.HYPOT: _hypot,
    op.REMAINDER: _remainder,
    op.MINIMUM: lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    op.MAXIMUM: lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}
"""For each operation, its extent from those of its arguments; these are never None, but those of a selection."""


# --- nodes whose values lie in pieces -----------------------------------------------------------------------------
def _pieces_of_quotient(a: Extent, b: Extent) -> tuple[Extent, ...]:
    """Return the quotients by what is below 0 and by what is above."""
    if not b[0] < 0.0 < b[1]:
        return ()
    sides = (_divide(a, (b[0], 0.0)), _divide(a, (0.0, b[1])))
    return tuple(side for side in sides if side is not None)


def _pieces_of_tan(a: Extent) -> tuple[Extent, ...]:
    """Return the tangents before and after the only pole that is met."""
    if not (a[0] > -_LARGEST_PHASE and a[1] < _LARGEST_PHASE and a[1] - a[0] < 3.0):
        return ()
    first, last = arb(a[0]).tan(), arb(a[1]).tan()
    return ((below(first), math.inf), (-math.inf, above(last))) if first.is_finite() and last.is_finite() else ()


def _pieces_of_choice(condition: Extent, a: Extent | None, b: Extent | None) -> tuple[Extent, ...]:
    return (a, b) if _truth(condition) == _EITHER and a is not None and b is not None else ()


def _pieces_of_step(rule: Rule) -> Callable[[Extent], tuple[Extent, ...]]:
    """Return the values of a step function, if they are few."""

    def pieces(a: Extent) -> tuple[Extent, ...]:
        extent = rule(a)
        if extent is None or not 0.0 < extent[1] - extent[0] <= 2.0 or abs(extent[0]) > 2.0**50:
            return ()
        return tuple((extent[0] + k, extent[0] + k) for k in range(int(extent[1] - extent[0]) + 1))

    return pieces


PIECES: dict[Operation, Callable[..., tuple[Extent, ...]]] = {
    op.DIVIDE: _pieces_of_quotient,
    op.TAN: _pieces_of_tan,
    op.SELECT: _pieces_of_choice,
    op.SIGN: _pieces_of_step(RULES[op.SIGN]),
    op.FLOOR: _pieces_of_step(RULES[op.FLOOR]),
    op.CEIL: _pieces_of_step(RULES[op.CEIL]),
}
"""For operations whose values may have gaps: extents that together hold all of them; none where there is no gap."""

_MOST_SPLITS = 3


class Reach:
    """The nodes that some outputs need, planned once and bounded over many boxes."""

    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        nodes = graph.reachable(outputs)
        place = {node: i for i, node in enumerate(nodes)}
        self._outputs = [place[node] for node in outputs]
        self._is_output = frozenset(self._outputs)
        self._steps = [
            (
                graph.operation[node],
                _of_square if _is_square(graph, node) else RULES.get(graph.operation[node]),
                tuple(place[argument] for argument in graph.arguments[node]),
                graph.value[node],
            )
            for node in nodes
        ]
        self._in_pieces = [i for i, step in enumerate(self._steps) if step[0] in PIECES]

    def extents(self, x: Sequence[Extent], p: Sequence[float] = ()) -> list[Extent | None]:
        """Return the extents of the outputs.

        Parameters
        ----------
        x : sequence of (float, float), length n
            The box.
        p : sequence of float, length k, optional
            Parameters.
        """
        extents = self._extents(x, p, {}, until_excluded=False)
        assert extents is not None
        return [extents[output] for output in self._outputs]

    def excludes_zero(self, x: Sequence[Extent], p: Sequence[float] = ()) -> bool:
        """Return whether some output is nowhere zero on the box, or nowhere defined."""
        return self._is_excluded(x, p, {})

    def _is_excluded(self, x: Sequence[Extent], p: Sequence[float], taken: dict[int, Extent]) -> bool:
        """Return whether zero is excluded where the nodes taken lie in these pieces of theirs."""
        extents = self._extents(x, p, taken, until_excluded=True)
        if extents is None:
            return True
        if len(taken) == _MOST_SPLITS:
            return False
        for i in self._in_pieces:
            given = [extents[argument] for argument in self._steps[i][2]]
            if i in taken or (self._steps[i][0] is not op.SELECT and None in given):
                continue
            pieces = PIECES[self._steps[i][0]](*given)
            if pieces:
                return all(self._is_excluded(x, p, {**taken, i: piece}) for piece in pieces)
        return False

    def _extents(
        self, x: Sequence[Extent], p: Sequence[float], taken: dict[int, Extent], until_excluded: bool
    ) -> list[Any] | None:
        """Return the extents of all nodes, or None as soon as an output is known not to be zero."""
        extents: list[Any] = []
        for i, (kind, rule, arguments, number) in enumerate(self._steps):
            extent: Extent | None
            if rule is None:
                extent = _leaf(kind, number, x, p)
            elif i in taken:
                extent = taken[i]
            else:
                given = [extents[argument] for argument in arguments]
                if kind is op.SELECT or all(a is not None for a in given):
                    extent = rule(*given)
                else:
                    extent = _EITHER if kind.yields_condition else None
            if until_excluded and i in self._is_output and (extent is None or extent[0] > 0.0 or extent[1] < 0.0):
                return None
            extents.append(extent)
        return extents


def _is_square(graph: Graph, node: int) -> bool:
    arguments = graph.arguments[node]
    return graph.operation[node] is op.MULTIPLY and arguments[0] == arguments[1]


def _leaf(kind: Operation, number: float, x: Sequence[Extent], p: Sequence[float]) -> Extent:
    if kind is op.VARIABLE:
        return x[int(number)]
    value = p[int(number)] if kind is op.PARAMETER else number
    return value, value
