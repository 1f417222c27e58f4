"""An evaluator of equations text that shares nothing with the tracer or the server: Python itself."""

from __future__ import annotations

import math
import operator
import re
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from raphson.trace import trace_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DEFINITION = re.compile(r"(\w+) := (.*)")
NAMES = {
    name: getattr(np, name)
    for name in (
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "cbrt",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "sign",
        "floor",
        "ceil",
        "minimum",
        "maximum",
        "hypot",
    )
} | {
    "abs": abs,
    "where": lambda condition, a, b: a if condition else b,
    "erf": math.erf,
    "erfc": math.erfc,
    # From the left, which Python's own sum of floats is not.
    "sum": lambda terms: reduce(operator.add, terms),
    "prod": lambda factors: reduce(operator.mul, factors),
    "min": lambda *values: reduce(np.minimum, values if len(values) > 1 else values[0]),
    "max": lambda *values: reduce(np.maximum, values if len(values) > 1 else values[0]),
    "range": range,
    "__builtins__": {},
}


def evaluate_text(
    equations: Sequence[str], values: Mapping[str, Any], tables: Mapping[str, Any] | None = None
) -> np.ndarray:
    """Evaluate definitions and residuals in order."""
    scope = NAMES | {name: np.asarray(value, dtype=np.float64)[()] for name, value in values.items()}
    for name, table in (tables or {}).items():
        assert name not in scope, "a table hides another name"
        scope[name] = table
    residuals: list[float] = []
    with np.errstate(all="ignore"):
        for text in equations:
            match = DEFINITION.fullmatch(text)
            if match:
                assert match[1] not in scope, "a definition hides another name"
                scope[match[1]] = np.float64(eval(match[2], scope))
            else:
                # A family in brackets is a list of its members, and a single residual a list of one.
                residuals += eval(f"[{text}]", scope)
    return np.array(residuals, dtype=np.float64)


@pytest.fixture
def text_of() -> Callable[..., tuple[str, ...]]:
    """Trace a function of variables that have the shapes of these values."""

    def text_of(function: Callable[..., Any], **values: Any) -> tuple[str, ...]:
        return trace_function(function, {name: np.shape(value) for name, value in values.items()}, {}).equations

    return text_of


@pytest.fixture
def check() -> Callable[..., tuple[str, ...]]:
    """Trace a function, and compare its text with the function itself at these values."""

    def check(function: Callable[..., Any], **values: Any) -> tuple[str, ...]:
        arrays = {name: np.asarray(value, dtype=np.float64)[()] for name, value in values.items()}
        traced = trace_function(function, {name: np.shape(value) for name, value in values.items()}, {})
        with np.errstate(all="ignore"):
            expected = np.asarray(
                function(**{name: value.copy() for name, value in arrays.items()}), dtype=np.float64
            ).ravel()
        actual = evaluate_text(traced.equations, arrays, traced.tables)
        np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=0)
        assert traced.m == len(expected)
        return traced.equations

    return check


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., np.ndarray]:
    return evaluate_text
