"""exp, sin and cos as sums and products, for code whose registers a call would empty.

The argument is reduced by a multiple of ln 2 or π/2 that is held in parts, the first of which has so few digits that
their products are exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980); then a polynomial,
Chebyshev's interpolation to 50 digits. What comes out is within two units in the last place, and 1e-28. What is too
large to be reduced becomes NaN; exp of ±∞ may.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

_LOG2_E = 1.4426950408889634
_LN2 = (0.6931471804855391, 7.440617110012397e-11)
# (exp(r) − 1 − r)/r² on |r| ≤ ln(2)/2.
_EXP = (
    0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
    0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
    2.510038549551032e-08,
)  # fmt: skip

_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = (1.570796325802803, 9.920935774287987e-10, 2.2517417741562176e-18)
# (sin(r)/r − 1)/r² and (cos(r) − 1 + r²/2)/r⁴ in r², on |r| ≤ π/4.
_SIN = (
    -0.16666666666666666, 0.008333333333330925, -0.00019841269836722418, 2.755731608381636e-06,
    -2.5051127944014188e-08, 1.5917848524808262e-10,
)  # fmt: skip
_COS = (
    0.041666666666666664, -0.0013888888888887382, 2.480158729874307e-05, -2.7557317260008837e-07,
    2.0876143827993133e-09, -1.1382456778061306e-11,
)  # fmt: skip
LARGEST_ANGLE = float(2**20)
"""Beyond this sin and cos are NaN, in radians."""


def exponential(graph: Graph, a: int) -> int:
    """Return the node of exp(a)."""
    half = graph.constant(0.5)
    count = graph.apply(op.FLOOR, graph.add(graph.multiply(graph.constant(_LOG2_E), a), half))
    r = _reduced(graph, a, count, _LN2)
    square = graph.multiply(r, r)
    tail = graph.add(graph.multiply(_polynomial(graph, _EXP, r), square), r)
    return graph.apply(op.SCALE, graph.add(tail, graph.one), count)


def sine_and_cosine(graph: Graph, a: int) -> tuple[int, int]:
    """Return the nodes of sin(a) and cos(a), a in radians."""
    number = graph.constant
    is_small = graph.apply(op.LESS_EQUAL, graph.apply(op.ABS, a), number(LARGEST_ANGLE))
    a = graph.select(is_small, a, number(math.nan))
    quarters = graph.apply(op.FLOOR, graph.add(graph.multiply(number(_TWO_OVER_PI), a), number(0.5)))
    r = _reduced(graph, a, quarters, _HALF_PI)
    square = graph.multiply(r, r)
    sine = graph.add(graph.multiply(_polynomial(graph, _SIN, square), graph.multiply(square, r)), r)
    flat = graph.subtract(graph.one, graph.multiply(number(0.5), square))
    cosine = graph.add(graph.multiply(_polynomial(graph, _COS, square), graph.multiply(square, square)), flat)
    # 0, ¼, ½ or ¾: in which quarter a turn ends.
    turns = graph.multiply(number(0.25), quarters)
    part = graph.subtract(turns, graph.apply(op.FLOOR, turns))
    aside = graph.apply(op.ABS, graph.subtract(part, number(0.5)))
    is_odd = graph.apply(op.EQUAL, aside, number(0.25))
    sine, cosine = graph.select(is_odd, cosine, sine), graph.select(is_odd, sine, cosine)
    is_lower = graph.apply(op.GREATER_EQUAL, part, number(0.5))
    is_left = graph.apply(op.LESS, graph.apply(op.ABS, graph.subtract(part, number(0.375))), number(0.25))
    return (
        graph.select(is_lower, graph.negative(sine), sine),
        graph.select(is_left, graph.negative(cosine), cosine),
    )


def _reduced(graph: Graph, a: int, count: int, parts: Sequence[float]) -> int:
    """Return a − count · (the sum of the parts)."""
    for part in parts:
        a = graph.subtract(a, graph.multiply(count, graph.constant(part)))
    return a


def _polynomial(graph: Graph, coefficients: Sequence[float], a: int) -> int:
    """Return the sum of the coefficients times the powers of a, from the highest down."""
    total = graph.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = graph.add(graph.multiply(total, a), graph.constant(coefficient))
    return total
