"""In words: why an operation has no finite value, or no finite slope, at finite arguments."""

from __future__ import annotations

from collections.abc import Callable

from raphson_solver.expression import operations as op
from raphson_solver.expression.operations import Operation

_NEEDS: dict[Operation, tuple[Callable[[float], bool], str]] = {
    op.LOG: (lambda a: a > 0, "a positive argument"),
    op.LOG2: (lambda a: a > 0, "a positive argument"),
    op.LOG10: (lambda a: a > 0, "a positive argument"),
    op.LOG1P: (lambda a: a > -1, "an argument above -1"),
    op.SQRT: (lambda a: a >= 0, "an argument of zero or more"),
    op.ARCSIN: (lambda a: abs(a) <= 1, "an argument from -1 to 1"),
    op.ARCCOS: (lambda a: abs(a) <= 1, "an argument from -1 to 1"),
    op.ARCCOSH: (lambda a: a >= 1, "an argument of 1 or more"),
    op.ARCTANH: (lambda a: abs(a) < 1, "an argument between -1 and 1"),
}

# Where an operation has a value but an infinite slope, or none.
_STEEP: dict[Operation, Callable[..., bool]] = {
    op.SQRT: lambda a: a == 0,
    op.CBRT: lambda a: a == 0,
    op.ARCSIN: lambda a: abs(a) == 1,
    op.ARCCOS: lambda a: abs(a) == 1,
    op.ARCCOSH: lambda a: a == 1,
    op.POWER: lambda a, b: a == 0 and b < 1,
    op.HYPOT: lambda a, b: a == 0 and b == 0,
    op.ARCTAN2: lambda a, b: a == 0 and b == 0,
}


def why_not_finite(kind: Operation, arguments: tuple[float, ...]) -> str:
    """Return what is wrong with the arguments, all of them finite, where the value is NaN or infinite."""
    if kind in _NEEDS:
        accepts, needed = _NEEDS[kind]
        if not accepts(arguments[0]):
            return f"{kind.name} of {arguments[0]:.6g}: needs {needed}"
    if kind is op.DIVIDE and arguments[1] == 0:
        return "zero divided by zero" if arguments[0] == 0 else "division by zero"
    if kind is op.REMAINDER and arguments[1] == 0:
        return "remainder of a division by zero"
    if kind is op.POWER:
        base, exponent = arguments
        if base == 0 and exponent < 0:
            return f"power {exponent:.6g} of zero: needs a base other than zero"
        if base < 0 and not exponent.is_integer():
            return f"power {exponent:.6g} of the negative number {base:.6g}: needs a base of zero or more"
    return "overflow: beyond 1.8e308, the largest number that a double holds"


def is_steep(kind: Operation, arguments: tuple[float, ...]) -> bool:
    """Return whether an operation has no finite slope there, though it has a finite value."""
    return kind in _STEEP and _STEEP[kind](*arguments)


def why_steep(kind: Operation, arguments: tuple[float, ...]) -> str:
    """Return what is wrong with the arguments where `is_steep` holds."""
    if len(arguments) == 1:
        return f"the slope of {kind.name} is infinite at {arguments[0]:.6g}"
    if kind is op.POWER:
        return f"the slope of a power {arguments[1]:.6g} is infinite at zero"
    return f"{kind.name} has no slope where both arguments are zero"
