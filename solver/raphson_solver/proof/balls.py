"""Balls and doubles: a ball is a midpoint ± a radius; going to doubles rounds outwards."""

from __future__ import annotations

import math
from collections.abc import Iterable

from flint import arb

ZERO = arb(0)
ONE = arb(1)
UNIT = arb(0, 1)
"""[−1, 1]."""
FRACTION = arb(0.5, 0.5)
"""[0, 1]."""

_NARROW_BITS = 20


def points(values: Iterable[float]) -> list[arb]:
    """Return the doubles as balls of radius 0."""
    return [arb(float(value)) for value in values]


def around(lower: float, upper: float) -> arb:
    """Return a ball that holds [lower, upper], both finite."""
    if lower == upper:
        return arb(lower)
    middle = 0.5 * lower + 0.5 * upper
    return arb(middle, math.nextafter(max(upper - middle, middle - lower), math.inf))


def below(ball: arb) -> float:
    """Return a double that is at most every number of the ball."""
    exact = ball.lower()
    rounded = float(exact)
    return rounded if arb(rounded) <= exact else math.nextafter(rounded, -math.inf)


def above(ball: arb) -> float:
    """Return a double that is at least every number of the ball."""
    return -below(-ball) + 0.0


def size(ball: arb) -> float:
    """Return a double that is at least the magnitude of every number of the ball."""
    return above(ball.abs_upper())


def is_narrow(ball: arb) -> bool:
    """Return whether the ball is so small against its midpoint that plain ball arithmetic loses nothing to speak of."""
    return ball.rel_accuracy_bits() >= _NARROW_BITS


def hull(first: arb, second: arb) -> arb:
    """Return a ball that holds both."""
    return first.union(second)
