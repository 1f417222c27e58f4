"""Operators mean what they mean in Python: the same text, evaluated by Python itself, is the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build, value

AS_IN_PYTHON = [
    "1 - 2 - 3",
    "1 - (2 - 3)",
    "24 / 4 / 3",
    "24 / 4 * 3",
    "2 * 3 % 4",
    "7 // 2 * 2",
    "-7 // 2",
    "7 // -2",
    "-7 % 3",
    "7 % -3",
    "-7 % -3",
    "7.5 % 2",
    "2 + 3 * 4",
    "(2 + 3) * 4",
    "2 ** 3 ** 2",
    "(2 ** 3) ** 2",
    "-2 ** 2",
    "(-2) ** 2",
    "2 ** -2",
    "2 ** -1 ** 2",
    "-2 ** -2",
    "- - 3",
    "+3 - +4",
    "2 * -3",
    "2 - -3",
    "-3 * -x",
    "x ** 2 * 3",
    "3 * x ** 2",
    "-x ** 3",
    "x ** -3",
    "x ** 0.5",
    "1 if 2 < 3 else 4",
    "1 if x < 1 else 2 if x < 3 else 4",
    "1 if x > 3 else 2 if x > 2 else 4",
    "1 + 2 if x > 3 else 4",
    "1 + (2 if x > 3 else 4)",
    "2 * (1 if x < 5 else 0) + 1",
    "1 if 1 < x < 3 else 0",
    "1 if 1 < x > 3 else 0",
    "1 if 1 < x < 2.2 else 0",
    "1 if x > 1 < 2 < x else 0",
    "1 if 4 > x != 2.5 else 0",
    "1 if 3 > x >= 2.5 > 0 else 0",
    "1 if x == 2.5 else 0",
    "1 if x != 2.5 else 0",
    "1 if not x > 3 else 0",
    "1 if not x > 3 and x > 4 else 0",
    "1 if not (x > 3 and x > 4) else 0",
    "1 if x > 3 or x > 2 and x > 1 else 0",
    "1 if (x > 3 or x > 2) and x > 4 else 0",
    "1 if x < 3 or x > 2 and x > 4 else 0",
    "1 if not not x > 2 else 0",
    "1 if x + 1 < 2 * x - 1 else 0",
    "1e3 + 1.5e-2 + .5 + 2. + 1E2",
    "0.1 + 0.2",
    "1 // 0.1",
    "1 % 0.1",
    "4503599627370497.0 // 1",
    "-9007199254740991.0 // 1",
    "1e17 // -3",
    "1e17 % -3",
    "-1 // 1e300",
]


@pytest.mark.parametrize("text", AS_IN_PYTHON)
def test_text_is_worth_what_python_says(text: str) -> None:
    expected = eval(text, {"x": 2.5, "__builtins__": {}})  # the texts above, no others
    assert value(text, x=2.5) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2 ^ 3", 8), ("2 ^ 3 ^ 2", 512), ("-2 ^ 2", -4), ("2 ^ -1", 0.5), ("x^2 * 2", 12.5), ("2 * x ^2", 12.5)],
)
def test_a_caret_is_a_power(text: str, expected: float) -> None:
    assert value(text, x=2.5) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("x = 1", 1.5), ("1 = x", -1.5), ("x - 1", 1.5), ("x = x", 0.0), ("2*x = x + 2", 0.5)]
)
def test_an_equation_is_left_minus_right(text: str, expected: float) -> None:
    assert value(text, x=2.5) == expected


@pytest.mark.parametrize("text", ["x+1", " x + 1 ", "x\n  +\t1", "(x)+(1)", "((x+1))", "\r\nx + 1\r\n"])
def test_spaces_and_parentheses_around_a_whole_do_not_count(text: str) -> None:
    assert value(text, x=2.5) == 3.5


@pytest.mark.parametrize("text", ["x / 0", "log(-x)", "x % 0", "0 / 0 * x", "10 ** 400 * x", "(-1) ** 0.5 + x"])
def test_a_value_that_is_not_finite_is_a_value(text: str) -> None:
    assert not math.isfinite(value(text, x=2.5))


def test_large_literals_compare_as_in_python() -> None:
    assert value("x if 1e300 > 1 else 0", x=2.5) == 2.5


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("asin(x)", "arcsin(x)"),
        ("acos(x)", "arccos(x)"),
        ("atan(x)", "arctan(x)"),
        ("atan2(x, 2)", "arctan2(x, 2)"),
        ("asinh(x)", "arcsinh(x)"),
        ("acosh(x + 1)", "arccosh(x + 1)"),
        ("atanh(x)", "arctanh(x)"),
        ("absolute(-x)", "abs(-x)"),
        ("fabs(-x)", "abs(-x)"),
        ("pow(x, 3)", "x**3"),
        ("power(x, 3)", "x**3"),
        ("square(x)", "x*x"),
        ("reciprocal(x)", "1/x"),
        ("negative(x)", "-x"),
        ("where(x > 1, 2, 3)", "2 if x > 1 else 3"),
        ("min(x, 2)", "minimum(x, 2)"),
        ("max(x, 2, 3)", "maximum(maximum(x, 2), 3)"),
    ],
)
def test_a_function_has_numpys_and_pythons_name(alias: str, name: str) -> None:
    assert value(alias, x=0.75) == value(name, x=0.75)


@pytest.mark.parametrize(("text", "expected"), [("pi", math.pi), ("e", math.e), ("sin(pi/6)", 0.5), ("log(e)", 1.0)])
def test_constants(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-15)


def test_a_variable_may_be_called_e() -> None:
    assert value("e + 1", e=3.0) == 4.0


def test_conditions_choose_at_each_point() -> None:
    system = build("sqrt(x) if x >= 0 else -sqrt(-x)", ["x"])
    assert [float(system.residual([x])[0]) for x in (4.0, -4.0, 0.0)] == [2.0, -2.0, 0.0]


def test_comparisons_with_nan_are_false() -> None:
    system = build("where(log(x) < 1, 1, 0) + where(log(x) >= 1, 2, 0) + where(not log(x) < 1, 4, 0)", ["x"])
    assert system.residual(np.array([-1.0]))[0] == 4.0


def test_a_name_may_hold_a_keyword() -> None:
    assert value("format + inner - ifs * notes", format=1.0, inner=2.0, ifs=3.0, notes=0.5) == 1.5


def test_the_field_and_column_of_an_error_are_those_of_the_text() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(["x = 1", "y + * 2"], ["x", "y"])
    assert (caught.value.field, caught.value.column) == ("equations[1]", 4)
    assert str(caught.value).splitlines()[1:] == ["  y + * 2", "      ^"]
