"""Every operation's derivative, in reverse, forward and transposed, agrees with 50 digits to 1e-12 of itself."""

from __future__ import annotations

import numpy as np
import pytest
from raphson_solver.expression import operations as op

from tests.solver.building import build
from tests.solver.derivative.digits import FUNCTIONS, partials

POINTS: dict[str, list[tuple[float, ...]]] = {
    "exp": [(-700.0,), (-20.0,), (-1.0,), (0.0,), (0.3,), (5.0,), (700.0,)],
    "expm1": [(-50.0,), (-20.0,), (-5.0,), (-1e-9,), (0.0,), (0.3,), (1e-300,), (5.0,), (700.0,)],
    "log": [(1e-300,), (1e-9,), (0.3,), (1.0,), (1.0000001,), (5.0,), (1e300,)],
    "log1p": [(-0.9999999,), (-0.5,), (-1e-12,), (0.0,), (1e-12,), (3.0,), (1e300,)],
    "log2": [(1e-300,), (0.3,), (1.0,), (7.0,), (1e300,)],
    "log10": [(1e-300,), (0.3,), (1.0,), (7.0,), (1e300,)],
    "sqrt": [(1e-300,), (1e-9,), (0.3,), (1.0,), (7.0,), (1e300,)],
    "cbrt": [(-1e200,), (-8.0,), (-1e-9,), (1e-9,), (0.3,), (27.0,), (1e200,)],
    "sin": [(-3.0,), (0.0,), (1e-9,), (0.3,), (1.5,), (22.0,), (1e5,)],
    "cos": [(-3.0,), (1e-9,), (0.3,), (1.5,), (22.0,), (1e5,)],
    "tan": [(-3.0,), (0.0,), (0.3,), (1.5,), (1.57,), (22.0,)],
    "arcsin": [(-0.9999999,), (-0.5,), (0.0,), (1e-9,), (0.3,), (0.9999999,)],
    "arccos": [(-0.9999999,), (-0.5,), (0.0,), (1e-9,), (0.3,), (0.9999999,)],
    "arctan": [(-1e100,), (-5.0,), (0.0,), (1e-9,), (0.3,), (5.0,), (1e8,)],
    "sinh": [(-700.0,), (-3.0,), (0.0,), (1e-9,), (0.3,), (20.0,), (700.0,)],
    "cosh": [(-700.0,), (-3.0,), (1e-9,), (0.3,), (20.0,), (700.0,)],
    "tanh": [(-18.0,), (-10.0,), (-3.0,), (0.0,), (1e-9,), (0.3,), (8.0,), (18.0,), (300.0,)],
    "arcsinh": [(-1e200,), (-3.0,), (0.0,), (1e-9,), (0.3,), (20.0,), (1e200,)],
    "arccosh": [(1.0000001,), (1.5,), (3.0,), (1e100,)],
    "arctanh": [(-0.9999999,), (-0.5,), (0.0,), (1e-9,), (0.3,), (0.9999999,)],
    "erf": [(-5.0,), (-1.0,), (0.0,), (1e-9,), (0.3,), (2.0,), (10.0,)],
    "erfc": [(-5.0,), (-1.0,), (0.0,), (1e-9,), (0.3,), (2.0,), (10.0,)],
    "abs": [(-3.0,), (-1e-300,), (1e-300,), (3.0,)],
    "sign": [(-3.0,), (1e-9,)],
    "floor": [(-2.5,), (0.5,), (1e9 + 0.5,)],
    "ceil": [(-2.5,), (0.5,), (1e9 + 0.5,)],
    "arctan2": [(0.3, 0.4), (-3.0, 1.0), (2.0, -1.0), (-2.0, -1e-9), (1e-9, 5.0), (1e150, 1e140), (1e-170, 1e-165)],
    "hypot": [(3.0, 4.0), (-3.0, 1e-9), (1e-9, -2.0), (1e200, 1e199), (1e-200, 1e-199)],
    "fmod": [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.3, 5.0)],
    "minimum": [(1.0, 2.0), (2.0, 1.0), (-1.0, 1.0)],
    "maximum": [(1.0, 2.0), (2.0, 1.0), (-1.0, 1.0)],
    "+": [(1.0, 2.0)],
    "-": [(1.0, 2.0)],
    "*": [(3.0, -2.0), (0.0, 5.0), (0.0, 0.0), (1e-200, 1e200)],
    "/": [(3.0, -2.0), (0.0, 5.0), (1e100, 1e-100)],
    "negative": [(3.0,)],
    "**": [(2.0, 3.0), (0.3, -1.7), (5.0, 0.0), (1.0, 9.0), (1e-5, 2.5), (30.0, -20.0)],
}

WRITTEN_INFIX = {"+", "-", "*", "/", "**"}
CASES = [(name, point) for name, points in POINTS.items() for point in points]


def text_of(name: str) -> str:
    if name in WRITTEN_INFIX:
        return f"x {name} y"
    return f"{name}(x, y)" if len(POINTS[name][0]) == 2 else f"{name}(x)"


def test_no_function_of_the_table_is_forgotten() -> None:
    assert op.FUNCTIONS.keys() <= POINTS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize(("name", "point"), CASES, ids=[f"{name}{point}" for name, point in CASES])
def test_the_derivative_agrees_with_fifty_digits(name: str, point: tuple[float, ...]) -> None:
    system = build(text_of(name), ["x", "y"][: len(point)])
    expected = np.array(partials(name, point))
    units = np.eye(len(point))
    np.testing.assert_allclose(system.jacobian(point)[0], expected, rtol=1e-12, atol=0)
    np.testing.assert_allclose([system.jvp(point, unit)[0] for unit in units], expected, rtol=1e-12, atol=0)
    np.testing.assert_allclose(system.vjp(point, [1.0]), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("exponent", [-64, -3, -1, 2, 3, 10, 64, 65, 0.5, 1.5, -0.5, 2.25])
@pytest.mark.parametrize("x", [0.3, 1.0, 2.7])
def test_a_power_with_a_constant_exponent(exponent: float, x: float) -> None:
    system = build(f"x ** {exponent}", ["x"])
    expected = partials("**", (x, exponent))[0]
    np.testing.assert_allclose(system.jacobian([x])[0, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(system.jvp([x], [1.0])[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("x**2", 0.0, 0.0),
        ("x**3", 0.0, 0.0),
        ("x**1", 0.0, 1.0),
        ("x**0", 0.0, 0.0),
        ("x**1.5", 0.0, 0.0),
        ("(-x)**3", 2.0, -12.0),
        ("0**x", 2.0, 0.0),
        ("abs(x)", 0.0, 0.0),
        ("sign(x)", 0.0, 0.0),
        ("minimum(x, 3)", 3.0, 1.0),
        ("maximum(x, 3)", 3.0, 1.0),
        ("x if x > 1 else 2*x", 1.0, 2.0),
        ("x // 2 + x % 2", 2.5, 1.0),
        ("sqrt(x)", 0.0, np.inf),
        ("cbrt(x)", 0.0, np.inf),
        ("log(x)", -1.0, -1.0),
    ],
)
def test_at_the_edge_of_a_domain(text: str, x: float, expected: float) -> None:
    system = build(text, ["x"])
    assert system.jacobian([x])[0, 0] == expected
    assert system.jvp([x], [1.0])[0] == expected


def test_a_whole_power_of_a_negative_base_by_a_parameter() -> None:
    system = build("x ** n", ["x"], ["n"])
    assert system.jacobian([-2.0], [3.0])[0, 0] == pytest.approx(12.0, rel=1e-15)
