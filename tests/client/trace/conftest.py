"""An evaluator of equations text that shares nothing with the tracer or the server: Python itself."""

from __future__ import annotations

import math
import re
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
    "__builtins__": {},
}


def evaluate_text(equations: Sequence[str], values: Mapping[str, Any]) -> np.ndarray:
    """Evaluate definitions and residuals in order."""
    scope = {name: np.asarray(value, dtype=np.float64)[()] for name, value in values.items()}
    residuals = []
    with np.errstate(all="ignore"):
        for text in equations:
            match = DEFINITION.fullmatch(text)
            value = eval(match[2] if match else text, NAMES, scope)
            if match:
                assert match[1] not in scope, "a definition hides another name"
                scope[match[1]] = np.float64(value)
            else:
                residuals.append(float(value))
    return np.array(residuals)


@pytest.fixture
def text_of() -> Callable[..., tuple[str, ...]]:
    """Trace a function of variables that have the shapes of these values."""

    def text_of(function: Callable[..., Any], **values: Any) -> tuple[str, ...]:
        return trace_function(function, {name: np.shape(value) for name, value in values.items()}, {}).equations

    return text_of


@pytest.fixture
def check(text_of: Callable[..., tuple[str, ...]]) -> Callable[..., tuple[str, ...]]:
    """Trace a function, and compare its text with the function itself at these values."""

    def check(function: Callable[..., Any], **values: Any) -> tuple[str, ...]:
        arrays = {name: np.asarray(value, dtype=np.float64)[()] for name, value in values.items()}
        equations = text_of(function, **arrays)
        with np.errstate(all="ignore"):
            expected = np.asarray(
                function(**{name: value.copy() for name, value in arrays.items()}), dtype=np.float64
            ).ravel()
        np.testing.assert_allclose(evaluate_text(equations, arrays), expected, rtol=1e-14, atol=0)
        return equations

    return check


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., np.ndarray]:
    return evaluate_text
