"""Random expressions as text: the language computes what Python computes from the same text.

The texts are made here, without the parentheses that would say how operators bind, so that they are trusted and
Python alone decides what they mean. Literals become NumPy numbers, as Python's own raise where NumPy gives inf.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.solver.building import build

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "arcsin", "arccos",
        "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sign", "floor", "ceil", "abs",
    )
}  # fmt: skip
PAIRS: dict[str, Callable[..., Any]] = {
    "arctan2": np.arctan2,
    "hypot": np.hypot,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "min": np.minimum,
    "max": np.maximum,
    "power": np.power,
}
NAMES = FUNCTIONS | PAIRS | {"where": lambda condition, a, b: a if condition else b, "__builtins__": {}}

LEAVES = ("x", "y", "z", "0", "1", "2", "3", "7", "0.5", ".25", "1.5", "2.", "1e1", "12.75", "2E0")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True)
class Writer:
    """Writes random expressions of up to `size` leaves from these pieces."""

    draw: Callable[..., Any]
    leaves: tuple[str, ...]
    operators: tuple[str, ...]
    functions: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()

    def any_of(self, choices: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from(choices))

    def expression(self, size: int) -> str:
        kinds = ("infix", "infix", "infix", "sign", "group", "if", "where") + ("call", "pair") * bool(self.functions)
        kind = "leaf" if size <= 1 else self.any_of(kinds)
        space = self.any_of(("", " ", "", " ", "\t"))
        half = size // 2
        match kind:
            case "leaf":
                return self.any_of(self.leaves)
            case "infix":
                operator = self.any_of(self.operators)
                return f"{self.expression(half)}{space}{operator}{space}{self.expression(size - half)}"
            case "sign":
                return f"{self.any_of(('-', '+', '- -', '-+'))}{space}{self.expression(size - 1)}"
            case "group":
                return f"({space}{self.expression(size - 1)}{space})"
            case "call":
                return f"{self.any_of(self.functions)}({self.expression(size - 1)})"
            case "pair":
                return f"{self.any_of(self.pairs)}({self.expression(half)},{space}{self.expression(half)})"
        third = size // 3
        condition, first, second = self.condition(third), self.expression(third), self.expression(third)
        if kind == "where":
            return f"where({condition}, {first}, {second})"
        return f"({first} if {condition} else {second})"

    def condition(self, size: int) -> str:
        kind = self.any_of(("compare", "compare", "chain", "not", "and", "or", "group"))
        half = size // 2
        if size <= 1 or kind in {"compare", "chain"}:
            text = f"{self.expression(half)} {self.any_of(COMPARISONS)} {self.expression(half)}"
            return f"{text} {self.any_of(COMPARISONS)} {self.expression(half)}" if kind == "chain" else text
        if kind in {"and", "or"}:
            return f"{self.condition(half)} {kind} {self.condition(half)}"
        return f"not {self.condition(size - 1)}" if kind == "not" else f"({self.condition(size - 1)})"


@st.composite
def exact(draw: Callable[..., Any]) -> str:
    """Sums, products and whole parts of numbers of few bits, which no rounding touches."""
    return Writer(draw, LEAVES, ("+", "-", "*", "//", "%")).expression(draw(st.integers(2, 12)))


@st.composite
def inexact(draw: Callable[..., Any]) -> str:
    leaves = (*LEAVES, "0.1", "1.1", "2.3e-3", "3.14159", "1e-5", "123.456")
    writer = Writer(draw, leaves, ("+", "-", "*", "/", "**"), tuple(FUNCTIONS), tuple(PAIRS))
    return writer.expression(draw(st.integers(2, 12)))


points = st.lists(st.integers(-16, 16).map(lambda quarters: quarters / 4), min_size=3, max_size=3)


class _Literals(ast.NodeTransformer):
    """Writes ``2`` as ``literal(2)``."""

    def visit_Constant(self, node: ast.Constant) -> ast.Call:
        return ast.Call(ast.Name("literal", ast.Load()), [node], [])


def by_python(text: str, point: list[float], kind: Any) -> Any:
    tree = ast.fix_missing_locations(_Literals().visit(ast.parse(text.strip(), mode="eval")))
    scope = NAMES | {"literal": kind} | dict(zip("xyz", map(kind, point), strict=True))
    with np.errstate(all="ignore"):
        return kind(eval(compile(tree, "<text>", "eval"), scope))


@given(exact(), points)
@settings(max_examples=150)
@example("-x ** 2 // 3 % 2", [3.0, 0.0, 0.0])
@example("1 if x < y < z else 2 if not x == y and y > z or z == 0 else 3", [1.0, 2.0, 0.0])
def test_exact_arithmetic_is_equal(text: str, point: list[float]) -> None:
    expected = by_python(text, point, np.float64)
    got = build(text, ["x", "y", "z"]).residual(point)[0]
    assert got == expected or not np.isfinite(expected)


@given(inexact(), points)
@settings(max_examples=150)
@example("-x**-y**2/-z*2", [3.0, 0.5, 2.0])
@example("2**-x**2-1", [1.5, 0.0, 0.0])
def test_the_rest_is_equal_to_rounding(text: str, point: list[float]) -> None:
    """Where rounding is amplified, how much it is shows in the difference from an evaluation with more digits."""
    expected, precise = by_python(text, point, np.float64), by_python(text, point, np.longdouble)
    got = build(text, ["x", "y", "z"]).residual(point)[0]
    if np.isfinite(expected) and np.isfinite(precise):
        assert abs(got - expected) <= 1e-12 * abs(expected) + 1e4 * float(abs(expected - precise)) + 1e-300
