"""NaN and infinity are followed to the operation that makes them of finite arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from raphson_solver.explanation.not_finite import NotFinite, not_finite
from raphson_solver.explanation.values import node_values
from raphson_solver.expression import Graph, evaluate

from tests.solver.explanation.explaining import explained
from tests.solver.programs import PARAMETERS, VARIABLES, Step, points, programs, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def found(equations: str | Sequence[str], parameters: Mapping[str, Any] | None = None, **at: Any) -> NotFinite | None:
    return explained(equations, at, parameters).not_finite


def test_the_logarithm_of_a_negative_number_inside_a_long_expression() -> None:
    fault = found(
        ["x + y = 1", "x*(exp(y) + 3*log(u[0] - k*u[1]**3)/(1 + x**2)) - sin(y)*sqrt(x) = 1"],
        {"k": 0.5},
        x=1.0,
        y=2.0,
        u=[2.0, 2.0],
    )
    assert fault is not None
    assert (fault.equation, fault.variable) == (1, None)
    assert fault.text == "log(u[0] - k*u[1]**3)"
    assert fault.arguments == (-2.0,)
    assert math.isnan(fault.value)
    assert fault.reason == "log of -2: needs a positive argument"


@pytest.mark.parametrize(
    ("text", "culprit", "reason"),
    [
        ("x**1.5", "x**1.5", "power 1.5 of the negative number -0.5: needs a base of zero or more"),
        ("1 + x**y*3", "x**y", "power 0.25 of the negative number -0.5: needs a base of zero or more"),
        ("sin(x)/(z - z*y*4)", "sin(x)/(z - z*y*4)", "division by zero"),
        ("(y - 0.25)/(4*y - 1)", "(y - 0.25)/(4*y - 1)", "zero divided by zero"),
        ("x + 0*sqrt(x)*y + sqrt(x)", "sqrt(x)", "sqrt of -0.5: needs an argument of zero or more"),
        ("log1p(4*x)", "log1p(4*x)", "log1p of -2: needs an argument above -1"),
        ("arcsin(z)", "arcsin(z)", "arcsin of 1.5: needs an argument from -1 to 1"),
        ("arctanh(2*x)", "arctanh(2*x)", "arctanh of -1: needs an argument between -1 and 1"),
        ("arccosh(y)", "arccosh(y)", "arccosh of 0.25: needs an argument of 1 or more"),
        ("z - exp(1000*z)", "exp(1000*z)", "overflow: beyond 1.8e308, the largest number that a double holds"),
        ("exp(999*z) - exp(1000*z)", "exp(999*z)", "overflow: beyond"),
        ("(z - 1.5)*exp(1000*z)", "exp(1000*z)", "overflow: beyond"),
        ("(x + 0.5)**-1.5", "(x + 0.5)**-1.5", "power -1.5 of zero: needs a base other than zero"),
        ("y % (z - 1.5)", "fmod(y, z - 1.5)", "remainder of a division by zero"),
        ("minimum(y, log(x))", "log(x)", "log of -0.5: needs a positive argument"),
    ],
)
def test_what_is_not_finite_and_why(text: str, culprit: str, reason: str) -> None:
    fault = found(text, x=-0.5, y=0.25, z=1.5)
    assert fault is not None
    assert fault.text == culprit
    assert fault.reason.startswith(reason)


def test_a_division_by_zero_in_a_family_names_the_member() -> None:
    explanation = explained("a[i]/(u[i] - u[i+1]) = 1 for i in range(3)", {"u": [1.0, 2.0, 2.0, 5.0]}, {"a": [1, 2, 3]})
    assert explanation.not_finite == NotFinite(1, None, "a[1]/(u[1] - u[2])", (2.0, 0.0), math.inf, "division by zero")
    assert "equations[0] at i=1 is not finite: a[1]/(u[1] - u[2]) is inf (division by zero)" in explanation.lines()


def test_the_branch_not_taken_is_not_heard() -> None:
    assert found("where(x > 0, log(x), x) + 1", x=-2.0) is None
    fault = found("where(x > 0, log(x), 1/(x + 2)) + x", x=-2.0)
    assert fault is not None
    assert fault.text == "1/(x + 2)"
    fault = found("where(x > 0, log(x - 5), 1/(x + 2))", x=2.0)
    assert fault is not None
    assert fault.text == "log(x - 5)"


@pytest.mark.parametrize(
    ("text", "variable", "culprit", "reason"),
    [
        ("y + sqrt(x)", "x", "sqrt(x)", "the slope of sqrt is infinite at 0"),
        ("sqrt(x**2 + (y - 1)**2) - y", "x", "sqrt(x**2 + (y - 1)**2)", "the slope of sqrt is infinite at 0"),
        ("cbrt(2*x)*y", "x", "cbrt(2*x)", "the slope of cbrt is infinite at 0"),
        ("log(1 + x**0.75)", "x", "x**0.75", "the slope of a power 0.75 is infinite at zero"),
        ("x - arcsin(y)", "y", "arcsin(y)", "the slope of arcsin is infinite at 1"),
        ("x + arccosh(y)", "y", "arccosh(y)", "the slope of arccosh is infinite at 1"),
        ("hypot(x, y - 1) - y", "x", "hypot(x, y - 1)", "hypot has no slope where both arguments are zero"),
        ("y + where(y > 0, sqrt(x), cbrt(x))", "x", "sqrt(x)", "the slope of sqrt is infinite at 0"),
        ("(y - 3)**(y + 1)", "y", "log(y - 3)", "log of -2: needs a positive argument"),
    ],
)
def test_a_slope_that_is_not_finite(text: str, variable: str, culprit: str, reason: str) -> None:
    fault = found(["x + y = 2", text], x=0.0, y=1.0)
    assert fault is not None
    assert (fault.equation, fault.variable) == (1, "xy".index(variable))
    assert fault.text == culprit
    assert fault.reason == reason


def test_a_slope_is_said_to_be_one() -> None:
    lines = explained(["x + y = 1", "sqrt(x*y) = 2"], {"x": 0.0, "y": 1.0}).lines()
    assert lines[0] == "the slope of equations[1] in x is not finite: sqrt(x*y) (the slope of sqrt is infinite at 0)"
    assert lines[1] == "dependence between equations was not looked for: the Jacobian is not finite"


def test_a_guarded_slope_is_not_heard() -> None:
    assert found("where(x > 0, sqrt(x), 0) + x", x=0.0) is None


def test_a_variable_that_is_no_number_is_named_itself() -> None:
    graph = Graph()
    node = graph.multiply(graph.variable(0), graph.variable(1))
    values = node_values(graph, [node], np.array([2.0, math.nan]), np.empty(0))
    fault = not_finite(graph, [node], ([], [], []), values, ["x", "y"], [])
    assert fault is not None
    assert (fault.text, fault.reason) == ("y", "the variable itself is nan")


@given(programs(longest=15), points)
@settings(max_examples=60)
def test_the_culprit_is_not_finite_of_finite_arguments(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    equations = run(graph, steps)
    x, p = np.split(np.array(point), [VARIABLES])
    values = node_values(graph, equations, x, p)
    f = evaluate(graph, equations, x, p)
    np.testing.assert_array_equal([values[node] for node in equations], f)
    names = [f"p{place}" for place in range(PARAMETERS)]
    fault = not_finite(graph, equations, ([], [], []), values, ["x", "y", "z"], names)
    bad = np.flatnonzero(~np.isfinite(f))
    if not bad.size:
        assert fault is None
        return
    assert fault is not None
    assert fault.equation == bad[0]
    assert not math.isfinite(fault.value)
    assert np.isfinite(fault.arguments).all()
