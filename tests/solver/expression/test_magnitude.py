"""How large the terms are that cancel, on examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from raphson_solver.expression import evaluate, magnitudes
from raphson_solver.language import from_text
from raphson_solver.limits import Limits
from raphson_solver.solution import define


def magnitude(text: str, **values: float) -> float:
    instance = from_text(define([text], list(values), None, None), Limits())
    nodes = magnitudes(instance.graph, instance.equations)
    return float(evaluate(instance.graph, nodes, np.array(list(values.values())))[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", 3.0),
        ("-x", 3.0),
        ("x*y", 6.0),
        ("x - 1", 3 + 1),
        ("x + y", 3 + 2),
        ("x - y", 3 + 2),
        ("-(x - y)", 3 + 2),
        ("x + y - z", 3 + 2 + 5),
        ("x - (y - z)", 3 + 2 + 5),
        ("x**2 + y*z = 7", 9 + 10 + 7),
        ("(x + y) * z", (3 + 2) * 5),
        ("z * (x + y)", (3 + 2) * 5),
        ("(x - 3) * z", (3 + 3) * 5),
        ("(x + y) * (x - z)", (3 + 2) * abs(3 - -5) + abs(3 - 2) * (3 + 5)),
        ("(x + y) / z", (3 + 2) / 5),
        ("x / (y - z)", 3 / 3),
        ("(x + y) / (y - z)", (3 + 2) / 3),
        ("exp(x - 3)", 1.0),
        ("exp(x - 3) - 2", 1 + 2),
        # One operation, which cancels nothing.
        ("exp(x - 2) - 1", np.expm1(1.0)),
        ("sin(x)*2", 2 * abs(np.sin(3.0))),
        ("2 * (x + x*y - 4)", 2 * (3 + 6 + 4)),
        ("where(x > 0, x + y, 0)", 1.0),
        ("0*x", 0.0),
    ],
)
def test_by_hand(text: str, expected: float) -> None:
    assert magnitude(text, x=3.0, y=-2.0, z=-5.0) == pytest.approx(expected, rel=1e-15)


def test_a_tiny_product_against_a_tiny_constant() -> None:
    assert magnitude("h*oh - 1e-14", h=1e-7, oh=2e-7) == pytest.approx(2e-14 + 1e-14, rel=1e-15)


def test_a_difference_of_large_numbers() -> None:
    assert magnitude("1e12*x - 1e12", x=1 + 1e-12) == pytest.approx(2e12, rel=1e-11)
