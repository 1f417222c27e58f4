"""How well double arithmetic can know f and J at a point: a running error analysis to first order.

Each number carries a bound, in units of 2⁻⁵³, of the error that rounding every operation leaves in it
(Higham, *Accuracy and Stability of Numerical Algorithms*, §3.3), and the same for its slopes. Where terms
cancel, as in every equation at its root, no double computation is right to 1e-12 of the difference; it can
be right to a few of these units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from mpmath import mp, mpf

from tests.problems.reference import WORKING_DIGITS, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNIT = 2.0**-53

Derivatives = tuple[Any, Any, Any]
"""A function's value, first and second derivative at a point."""


@dataclass(frozen=True, slots=True)
class RunningError:
    """Value, error and, as arrays of mpf, the slopes in every unknown with their errors.

    Attributes
    ----------
    f_error : ndarray, shape (m,)
        Errors of f in units of `UNIT`.
    jacobian : ndarray, shape (m, n)
        J by forward differentiation, rounded once to double.
    jacobian_error : ndarray, shape (m, n)
        Errors of J in units of `UNIT`.
    """

    f_error: np.ndarray
    jacobian: np.ndarray
    jacobian_error: np.ndarray


def running_error(equations: Sequence[str], x: Sequence[float]) -> RunningError:
    """Bound the error that rounding leaves in f(x) and J(x), whoever computes them term by term."""
    return _running_error(tuple(equations), tuple(map(float, x)))


def f_error(equations: Sequence[str], x: Sequence[float]) -> np.ndarray:
    """Bound it in f(x) alone, which is quicker: shape (m,), in units of `UNIT`."""
    return np.array([float(row.error) for row in _rows(tuple(equations), tuple(map(float, x)), slopes=0)])


@cache
def _running_error(equations: tuple[str, ...], x: tuple[float, ...]) -> RunningError:
    rows = _rows(equations, x, slopes=len(x))
    return RunningError(
        np.array([float(row.error) for row in rows]),
        np.array([row.slopes for row in rows]).astype(float),
        np.array([row.slope_errors for row in rows]).astype(float),
    )


def _rows(equations: tuple[str, ...], x: tuple[float, ...], slopes: int) -> list[_Running]:
    """Evaluate, carrying the slopes in all unknowns or in none."""
    with mp.workdps(WORKING_DIGITS):
        unknowns = [
            _Running(mpf(value), mpf(0), _row(slopes, at=j if slopes else None), _row(slopes))
            for j, value in enumerate(x)
        ]
        return [_lift(row, slopes) for row in evaluate(equations, unknowns, _FUNCTIONS)]


# Without a repr: mpmath writes one into the error that makes Python try the other operand.
@dataclass(slots=True, repr=False)
class _Running:
    value: mpf
    error: mpf
    slopes: np.ndarray
    slope_errors: np.ndarray

    def __add__(self, other: Any) -> _Running:
        b = _lift(other, len(self.slopes))
        value, slopes = self.value + b.value, self.slopes + b.slopes
        return _Running(
            value,
            self.error + b.error + abs(value),
            slopes,
            self.slope_errors + b.slope_errors + abs(slopes),
        )

    def __mul__(self, other: Any) -> _Running:
        b = _lift(other, len(self.slopes))
        value = self.value * b.value
        slopes = self.slopes * b.value + b.slopes * self.value
        return _Running(
            value,
            abs(b.value) * self.error + abs(self.value) * b.error + abs(value),
            slopes,
            abs(self.slopes) * b.error + self.slope_errors * abs(b.value)
            + abs(b.slopes) * self.error + b.slope_errors * abs(self.value)
            + abs(self.slopes * b.value) + abs(b.slopes * self.value) + abs(slopes),
        )  # fmt: skip

    def __pow__(self, exponent: Any) -> _Running:
        if isinstance(exponent, _Running) and (exponent.error or any(exponent.slopes)):
            return (exponent * _FUNCTIONS["log"](self)).map(_exp)
        k = exponent.value if isinstance(exponent, _Running) else mpf(exponent)
        count = max(1, abs(int(k))) if k == int(k) else 1
        return self.map(lambda v: (v**k, k * v ** (k - 1), k * (k - 1) * v ** (k - 2)), operations=count)

    def __rpow__(self, base: Any) -> _Running:
        return _lift(base, len(self.slopes)) ** self

    def __neg__(self) -> _Running:
        return _Running(-self.value, self.error, -self.slopes, self.slope_errors)

    def __truediv__(self, other: Any) -> _Running:
        return self * _lift(other, len(self.slopes)).map(lambda v: (1 / v, -1 / v**2, 2 / v**3))

    def __sub__(self, other: Any) -> _Running:
        return self + (-other)

    def __radd__(self, other: Any) -> _Running:
        return self + other

    def __rsub__(self, other: Any) -> _Running:
        return -self + other

    def __rmul__(self, other: Any) -> _Running:
        return self * other

    def __rtruediv__(self, other: Any) -> _Running:
        return _lift(other, len(self.slopes)) / self

    def map(self, function: Callable[[mpf], Derivatives], operations: int = 1) -> _Running:
        """Apply a function of one number, computed with this many roundings."""
        value, first, second = function(self.value)
        slopes = self.slopes * first
        return _Running(
            value,
            abs(first) * self.error + operations * abs(value),
            slopes,
            abs(self.slopes) * (abs(second) * self.error + operations * abs(first))
            + self.slope_errors * abs(first)
            + abs(slopes),
        )


def _lift(number: Any, n: int) -> _Running:
    """Make a constant, exact as a double, into a running number."""
    return number if isinstance(number, _Running) else _Running(mpf(number), mpf(0), _row(n), _row(n))


def _row(n: int, at: int | None = None) -> np.ndarray:
    row = np.full(n, mpf(0), dtype=object)
    if at is not None:
        row[at] = mpf(1)
    return row


def _function(derivatives: Callable[[Any], Derivatives]) -> Callable[[Any], Any]:
    def apply(argument: Any) -> Any:
        return argument.map(derivatives) if isinstance(argument, _Running) else derivatives(argument)[0]

    return apply


def _exp(v: Any) -> Derivatives:
    return mp.exp(v), mp.exp(v), mp.exp(v)


_FUNCTIONS = {
    "exp": _function(_exp),
    "log": _function(lambda v: (mp.log(v), 1 / v, -1 / v**2)),
    "tan": _function(lambda v: (mp.tan(v), 1 + mp.tan(v) ** 2, 2 * mp.tan(v) * (1 + mp.tan(v) ** 2))),
    "sin": _function(lambda v: (mp.sin(v), mp.cos(v), -mp.sin(v))),
    "cos": _function(lambda v: (mp.cos(v), -mp.sin(v), -mp.cos(v))),
    "sqrt": _function(lambda v: (mp.sqrt(v), 1 / (2 * mp.sqrt(v)), -1 / (4 * mp.sqrt(v) ** 3))),
    "atan": _function(lambda v: (mp.atan(v), 1 / (1 + v**2), -2 * v / (1 + v**2) ** 2)),
    "sign": _function(lambda v: (mp.sign(v), mpf(0), mpf(0))),
}
