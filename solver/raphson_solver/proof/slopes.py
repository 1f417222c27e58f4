"""Slopes of f on a box: a matrix of balls A such that for all a and b in the box f(a) − f(b) = M·(a − b), M in A.

They are computed here, and not read from the nodes that `derivative` makes: those hold rounded constants (1/3, or
what was folded), which is right for computing and would be wrong in a proof. Where f has a kink, of `abs`,
`minimum`, `maximum` or `hypot`, the slope is the hull of those around it, for which the mean value theorem holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation
from raphson_solver.proof.balls import FRACTION, ONE, UNIT, ZERO
from raphson_solver.proof.enclosure import Enclosure, cosh, power, square, truth, whole, whole_multiples, whole_power

Slope = Callable[..., arb | None]


class NoSlopeError(ArithmeticError):
    """f has no bounded slopes on the box; the message says why in plain words."""


def _power_base(_: arb, a: arb, b: arb) -> arb | None:
    exponent = whole(b)
    if exponent is None:
        base_to = power(a, b - 1)
        return None if base_to is None else b * base_to
    if exponent == 0:
        return ZERO
    base_to = whole_power(a, exponent - 1)
    return None if base_to is None else b * base_to


def _power_exponent(y: arb, a: arb, _: arb) -> arb | None:
    return y * a.log() if a > 0 else None


def _over(numerator: arb, denominator: arb) -> arb | None:
    return None if denominator.contains(ZERO) else numerator / denominator


def _inverse_root(a: arb) -> arb | None:
    """Return 1/√a."""
    return ONE / a.sqrt() if a > 0 else None


def _sign_of_slope(_: arb, a: arb) -> arb:
    return ONE if a >= 0 else (-ONE if a <= 0 else UNIT)


def _share(first: arb, second: arb) -> arb:
    """Return the slope of the extremum in its first argument, which is the one taken where `first` is at most."""
    return ONE if first <= second else (ZERO if second <= first else FRACTION)


def _rest(first: arb, second: arb) -> arb:
    """Return 1 less `_share`."""
    return ZERO if first <= second else (ONE if second <= first else FRACTION)


def _of_hypot(y: arb, a: arb) -> arb:
    return a / y if y > 0 else UNIT


def _of_angle(a: arb, b: arb, numerator: arb) -> arb | None:
    return _over(numerator, square(a) + square(b))


def _gauss(a: arb) -> arb:
    return 2 * (-square(a)).exp() / arb.const_sqrt_pi()


SLOPES: dict[Operation, tuple[Slope, ...]] = {
    op.ADD: (lambda _, a, b: ONE, lambda _, a, b: ONE),
    op.SUBTRACT: (lambda _, a, b: ONE, lambda _, a, b: -ONE),
    op.MULTIPLY: (lambda _, a, b: b, lambda _, a, b: a),
    op.DIVIDE: (lambda _, a, b: ONE / b, lambda y, a, b: -y / b),
    op.NEGATIVE: (lambda _, a: -ONE,),
    op.POWER: (_power_base, _power_exponent),
    op.SELECT: (
        lambda _, c, a, b: ZERO,
        lambda _, c, a, b: ONE if truth(c) else ZERO,
        lambda _, c, a, b: ZERO if truth(c) else ONE,
    ),
    op.EXP: (lambda y, a: y,),
    op.EXPM1: (lambda y, a: y + 1,),
    op.LOG: (lambda _, a: _over(ONE, a),),
    op.LOG1P: (lambda _, a: _over(ONE, 1 + a),),
    op.LOG2: (lambda _, a: _over(ONE, a * arb.const_log2()),),
    op.LOG10: (lambda _, a: _over(ONE, a * arb.const_log10()),),
    op.SQRT: (lambda y, a: _over(ONE, 2 * y),),
    op.CBRT: (lambda y, a: _over(ONE, 3 * square(y)),),
    op.SIN: (lambda _, a: a.cos(),),
    op.COS: (lambda _, a: -a.sin(),),
    op.TAN: (lambda y, a: 1 + square(y),),
    op.ARCSIN: (lambda _, a: _inverse_root(1 - square(a)),),
    op.ARCCOS: (lambda _, a: None if (slope := _inverse_root(1 - square(a))) is None else -slope,),
    op.ARCTAN: (lambda _, a: ONE / (1 + square(a)),),
    op.SINH: (lambda _, a: cosh(a),),
    op.COSH: (lambda _, a: a.sinh(),),
    op.TANH: (lambda _, a: square(ONE / cosh(a)),),
    op.ARCSINH: (lambda _, a: _inverse_root(1 + square(a)),),
    op.ARCCOSH: (lambda _, a: _inverse_root(square(a) - 1),),
    op.ARCTANH: (lambda _, a: _over(ONE, 1 - square(a)),),
    op.ERF: (lambda _, a: _gauss(a),),
    op.ERFC: (lambda _, a: -_gauss(a),),
    op.ABS: (_sign_of_slope,),
    op.SIGN: (lambda _, a: ZERO,),
    op.FLOOR: (lambda _, a: ZERO,),
    op.CEIL: (lambda _, a: ZERO,),
    op.ARCTAN2: (lambda _, a, b: _of_angle(a, b, b), lambda _, a, b: _of_angle(a, b, -a)),
    op.REMAINDER: (
        lambda _, a, b: ONE,
        lambda _, a, b: None if (multiple := whole_multiples(a, b)) is None else -multiple,
    ),
    op.HYPOT: (lambda y, a, b: _of_hypot(y, a), lambda y, a, b: _of_hypot(y, b)),
    op.MINIMUM: (lambda _, a, b: _share(a, b), lambda _, a, b: _rest(a, b)),
    op.MAXIMUM: (lambda _, a, b: _share(b, a), lambda _, a, b: _rest(b, a)),
}
"""For each operation whose value is a number, and each argument: ``(y, *arguments) -> ball`` of ∂y/∂argument."""


class Slopes:
    """f and its slopes, planned once and enclosed over many boxes.

    Attributes
    ----------
    enclosure : Enclosure
        Encloses f.
    """

    def __init__(self, graph: Graph, equations: Sequence[int]) -> None:
        self.enclosure = Enclosure(graph, equations)
        self._column = {
            i: int(graph.value[node])
            for i, node in enumerate(self.enclosure.nodes)
            if self.enclosure.operation[i] is op.VARIABLE
        }
        self._edges = [self._edges_of(i) for i in range(len(self.enclosure.nodes))]
        self._sweeps = [self._sweep(output) for output in self.enclosure.outputs]

    def _edges_of(self, i: int) -> list[tuple[int, int, Slope]]:
        """Return, for each argument that depends on a variable: its place, which it is, and the rule of its slope."""
        enclosure = self.enclosure
        slopes = SLOPES.get(enclosure.operation[i], ())
        return [
            (argument, which, slope)
            for which, (argument, slope) in enumerate(zip(enclosure.arguments[i], slopes, strict=False))
            if enclosure.depends[argument] and not enclosure.operation[argument].yields_condition
        ]

    def _sweep(self, output: int) -> list[int]:
        """Return the places that a row of slopes passes, from the output down."""
        passed = {output}
        for i in range(output, -1, -1):
            if i in passed:
                passed.update(argument for argument, _, _ in self._edges[i])
        return sorted((i for i in passed if self.enclosure.depends[i]), reverse=True)

    def values(self, x: Sequence[arb], p: Sequence[arb] = ()) -> list[arb]:
        """Return f.

        Raises
        ------
        NoSlopeError
            Where f is not continuous on the whole box.
        """
        return self._outputs(self.enclosure.values(x, p))

    def enclose(self, x: Sequence[arb], p: Sequence[arb] = ()) -> tuple[list[arb], list[dict[int, arb]]]:
        """Return f and the rows of its slopes, column → ball, zeros left out.

        Raises
        ------
        NoSlopeError
            Where f is not continuous, or its slopes have no bound, on the whole box.
        """
        values = self.enclosure.values(x, p)
        outputs = self._outputs(values)
        known: dict[tuple[int, int], arb] = {}
        return outputs, [self._row(sweep, values, known) for sweep in self._sweeps]

    def _outputs(self, values: list[Any]) -> list[arb]:
        for output in self.enclosure.outputs:
            if values[output] is None:
                raise NoSlopeError(self.enclosure.obstacle(values, output))
        return [values[output] for output in self.enclosure.outputs]

    def _row(self, sweep: list[int], values: list[Any], known: dict[tuple[int, int], arb]) -> dict[int, arb]:
        row: dict[int, arb] = {}
        if not sweep:
            return row
        adjoint = {sweep[0]: ONE}
        for i in sweep:
            bar = adjoint.get(i)
            if bar is None:
                continue
            if i in self._column:
                row[self._column[i]] = bar
                continue
            for argument, which, rule in self._edges[i]:
                slope = known.get((i, which))
                if slope is None:
                    slope = known[i, which] = self._slope(i, rule, values)
                if slope is ZERO:
                    continue
                part = bar if slope is ONE else bar * slope
                adjoint[argument] = adjoint[argument] + part if argument in adjoint else part
        return row

    def _slope(self, i: int, rule: Slope, values: list[Any]) -> arb:
        slope = rule(values[i], *(values[argument] for argument in self.enclosure.arguments[i]))
        if slope is None or not slope.is_finite():
            raise NoSlopeError(f"the slope of `{self.enclosure.operation[i].name}` has no bound on the box")
        return slope
