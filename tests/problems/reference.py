"""f and its Jacobian to 50 digits with mpmath: slow, short, and sharing nothing with the solver.

The equations here are the project's own trusted data, so Python may evaluate them. Every literal is the
double nearest to it, exactly; every operation after that carries 150 digits, so that 50 survive even where
terms cancel at points like 1e-28. The Jacobian comes from central differences with a step of 1e-50, which
leaves an error near 1e-100.
"""

from __future__ import annotations

import ast
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from mpmath import mp, mpf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

DIGITS = 50
WORKING_DIGITS = 150
_STEP = "1e-50"

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(mp, name) for name in ("exp", "log", "sin", "cos", "tan", "atan", "sqrt", "sign")
}


class NotDefinedError(ArithmeticError):
    """An equation has no finite value, or no derivative, at a point."""


def residual(equations: Sequence[str], x: Sequence[Any]) -> list[mpf]:
    """Return f(x), one number an equation, to 50 digits."""
    with mp.workdps(WORKING_DIGITS):
        values = _evaluate(tuple(equations), [mpf(value) for value in x])
    with mp.workdps(DIGITS):
        return [+value for value in values]


def residual_norm(equations: Sequence[str], x: Sequence[Any]) -> float:
    """Return the largest |f(x)|, rounded once, at the end."""
    return float(max(map(abs, residual(equations, x))))


def jacobian(equations: Sequence[str], x: Sequence[Any]) -> list[list[mpf]]:
    """Return J, m rows of n numbers, to 50 digits.

    Raises
    ------
    NotDefinedError
        If f is not finite near x, or its slopes from left and right differ (a kink).
    """
    return [list(row) for row in _jacobian(tuple(equations), tuple(x))]


# Several tests ask for it at the same points.
@lru_cache(256)
def _jacobian(equations: tuple[str, ...], x: tuple[Any, ...]) -> list[list[mpf]]:
    with mp.workdps(WORKING_DIGITS):
        step = mpf(_STEP)
        point = [mpf(value) for value in x]
        here = _evaluate(equations, point)
        columns = []
        for j in range(len(point)):
            above, below = list(point), list(point)
            above[j] += step
            below[j] -= step
            after, before = _evaluate(equations, above), _evaluate(equations, below)
            for i, (a, f, b) in enumerate(zip(after, here, before, strict=True)):
                right, left = (a - f) / step, (f - b) / step
                if abs(right - left) > mpf("1e-20") * (1 + abs(right) + abs(left)):
                    raise NotDefinedError(f"equation {i} has a kink in x{j + 1} at {float(point[j])}")
            columns.append([(a - b) / (2 * step) for a, b in zip(after, before, strict=True)])
    with mp.workdps(DIGITS):
        return [[+column[i] for column in columns] for i in range(len(here))]


def evaluate(equations: tuple[str, ...], x: Sequence[Any], functions: dict[str, Any]) -> list[Any]:
    """Evaluate the equations on numbers of any kind that Python's operators and `functions` understand."""
    names: dict[str, Any] = {f"x{i}": value for i, value in enumerate(x, start=1)}
    scope = {"__builtins__": {}, "literal": mpf, **functions, **names}
    return [eval(code, scope) for code in _code(equations)]  # trusted test data


def _evaluate(equations: tuple[str, ...], x: Sequence[mpf]) -> list[mpf]:
    try:
        values = evaluate(equations, x, FUNCTIONS)
    except ZeroDivisionError as error:
        raise NotDefinedError(f"division by zero at {[float(value) for value in x]}") from error
    for i, value in enumerate(values):
        if not isinstance(value, mpf) or not mp.isfinite(value):
            raise NotDefinedError(f"equation {i} is {value} at {[float(value) for value in x]}")
    return values


@cache
def _code(equations: tuple[str, ...]) -> tuple[CodeType, ...]:
    trees = [ast.parse(equation.strip(), mode="eval") for equation in equations]
    return tuple(compile(ast.fix_missing_locations(_Literals().visit(tree)), "<equation>", "eval") for tree in trees)


class _Literals(ast.NodeTransformer):
    """Writes ``0.1`` as ``literal(0.1)``, so that 1.0/3.0 is divided at 50 digits."""

    def visit_Constant(self, node: ast.Constant) -> ast.Call:
        if not isinstance(node.value, int | float):
            raise TypeError(f"a literal must be a number, not {node.value!r}")
        return ast.Call(ast.Name("literal", ast.Load()), [ast.Constant(float(node.value))], [])
