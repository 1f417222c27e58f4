"""Values and slopes of the table's functions to 50 digits, by mpmath: nothing here is shared with the solver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpmath import mp, mpf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WORKING_DIGITS = 500
_STEP = "1e-50"

_SAME_NAME = (
    "exp", "expm1", "log", "log1p", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc", "sign",
    "floor", "ceil", "hypot",
)  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(mp, name) for name in _SAME_NAME} | {
    "abs": abs,
    "fmod": lambda a, b: a - b * int(a / b),
    "log2": lambda a: mp.log(a) / mp.log(2),
    "cbrt": lambda a: mp.sign(a) * mp.cbrt(abs(a)),
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "arctan2": mp.atan2,
    "minimum": min,
    "maximum": max,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "negative": lambda a: -a,
}


def partials(name: str, point: Sequence[float]) -> list[float]:
    """Return ∂/∂argument for every argument, by central differences whose error is near 1e-100 of them."""
    function = FUNCTIONS[name]
    with mp.workdps(_WORKING_DIGITS):
        at = [mpf(value) for value in point]
        slopes = []
        for j in range(len(at)):
            step = mpf(_STEP) * (abs(at[j]) or 1)
            above, below = list(at), list(at)
            above[j] += step
            below[j] -= step
            slopes.append(float((function(*above) - function(*below)) / (2 * step)))
        return slopes
