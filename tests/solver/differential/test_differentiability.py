"""Functions whose differentiability is known, textbook traps among them, at their points and in any unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.differential.differentiability import Differentiability, differentiability
from raphson_solver.explanation import write
from raphson_solver.expression import Graph

from tests.solver.building import build
from tests.solver.programs import VARIABLES, Step, last_finite, programs, run

ORIGIN = [0.0, 0.0]


def examine(texts: str | list[str], names: Any, x: Any, value: Any = None, **how: Any) -> Differentiability:
    found = differentiability(build(texts, names), x, value=value, **how)
    assert found.steps.shape == found.remainders.shape
    assert np.all(np.diff(found.steps) < 0.0)
    assert str(found) == found.message
    if np.any(np.isfinite(found.remainders)):
        assert np.linalg.norm(found.worst_direction) == pytest.approx(1.0, rel=1e-12)
    return found


def defined(text: str) -> str:
    """Write f with f(0, 0) = 0 where its formula has no value."""
    return f"where(x == 0 and y == 0, 0, {text})"


# --- accepted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "order"),
    [
        ("exp(x) + sin(y)*x", [0.3, 7.0], 1),
        ("x**2 - y**2", [0.3, 7.0], 1),
        ("x**2*y", ORIGIN, 2),
        ("x**3 + y**4", ORIGIN, 2),
        ("x*y + x**3", ORIGIN, 1),
        ("hypot(x, y)", [3.0, -4.0], 1),
        ("log(x*y)", [1e-8, 1e8], 1),
        ("abs(x)*x + y", ORIGIN, 1),
        ("abs(x)**1.5 + y", ORIGIN, 0.5),
        ("abs(x*y)", ORIGIN, 1),
        ("x*abs(y)", ORIGIN, 1),
        (defined("x**4/(x**2 + y**2)"), ORIGIN, 1),
        (defined("x**2*y**2/(x**2 + y**2)"), ORIGIN, 1),
        (defined("(x**2 + y**2)*sin(1/hypot(x, y))"), ORIGIN, 1),
        ("1e10*x - 1e10*sin(x) + y", ORIGIN, 2),
        ("1e-200*exp(x + y)", ORIGIN, 1),
    ],
)
def test_differentiable_functions_with_their_orders(text: str, x: list[float], order: float) -> None:
    found = examine(text, ["x", "y"], x)
    assert found.differentiable
    assert found.partial_derivatives_exist
    assert not found.affine
    assert found.order == pytest.approx(order, abs=0.03)
    assert found.message.startswith("f is differentiable there: the remainder over ‖h‖ goes to zero like ‖h‖^")


def test_a_derivative_need_not_be_continuous() -> None:
    found = examine("x**2*sin(1/x)", ["x"], [0.0], value=[0.0])
    assert found.differentiable
    assert found.order == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("texts", "x"),
    [
        ("3*x - 2*y + 1", [0.3, 7.0]),
        ("1e12*x - 1e12 + y", [1.0, 1e-12]),
        (["x/3 + y*1e8", "7", "-y"], [1e-5, 1e5]),
        ("(x + 1)*(x + 1) - x*x - 1", [0.7, 0.0]),
        ("abs(x) + maximum(x, y)", [1.0, 3.0]),
        ("floor(x)*y", [1.5, 1.0]),
        ("2", ORIGIN),
    ],
)
def test_affine_maps_leave_rounding_alone(texts: str | list[str], x: list[float]) -> None:
    found = examine(texts, ["x", "y"], x)
    assert found.affine
    assert found.differentiable
    assert np.isnan(found.order)
    assert "affine" in found.message


def test_the_remainders_of_an_affine_map_are_rounding() -> None:
    found = examine("x/3 - y*7", ["x", "y"], [0.3, 0.7])
    assert np.all(found.remainders <= 20 * 2.0**-52 / found.steps)
    quadratic = examine("x**2", ["x"], [0.0])
    np.testing.assert_allclose(quadratic.remainders, quadratic.steps, rtol=1e-12)


# --- rejected ---------------------------------------------------------------------------------------------------

TRAPS = [
    ("x*y/(x**2 + y**2)", "partial derivatives without continuity"),
    ("x*y**2/(x**2 + y**4)", "all directional derivatives without continuity"),
    ("x**2*y/(x**4 + y**2)", "all directional derivatives, a parabola refutes"),
    ("x**3*y/(x**6 + y**2)", "all directional derivatives are 0, a cubic refutes"),
    ("x*y**2/(x**2 + y**2)", "continuous, with directional derivatives that are not linear"),
    ("x**3/(x**2 + y**2)", "the same, with a partial derivative that is not 0"),
    ("x*y/hypot(x, y)", "continuous, the partial derivatives are 0"),
]


@pytest.mark.parametrize("text", [text for text, _ in TRAPS], ids=[why for _, why in TRAPS])
@pytest.mark.parametrize("written", [True, False], ids=["by where", "by value"])
def test_partial_derivatives_are_not_enough(text: str, *, written: bool) -> None:
    found = examine(*((defined(text), ["x", "y"], ORIGIN) if written else (text, ["x", "y"], ORIGIN, [0.0])))
    assert not found.differentiable
    assert found.partial_derivatives_exist
    assert found.order == 0.0
    assert found.remainders[-1] > 0.05
    assert found.message.startswith(
        "f is not differentiable there, though its partial derivatives exist: the remainder"
    )


def test_the_worst_direction_refutes() -> None:
    found = examine("sqrt(abs(x*y)) + z**2", ["x", "y", "z"], [0.0, 0.0, 0.0])
    assert not found.differentiable
    assert found.partial_derivatives_exist
    a, b, c = found.worst_direction
    assert np.sqrt(abs(a * b)) > 0.6
    assert abs(c) < 0.4


@pytest.mark.parametrize(
    ("text", "x", "value"),
    [
        ("abs(x)", 0.0, None),
        ("abs(x - 1)*1e-5 + x**2", 1.0, None),
        ("abs(x)*1e-8 + x**2", 0.0, None),
        ("sqrt(x**2)", 0.0, None),
        ("maximum(x, 2*x)", 0.0, None),
        ("cbrt(x)", 0.0, None),
        ("sqrt(x)", 0.0, None),
        ("x*sin(1/x)", 0.0, 0.0),
        ("x*cos(1/x)", 0.0, 0.0),
        ("x + 1e-3*x*cos(1/x)", 0.0, 0.0),
        ("sin(1/x)", 0.0, 0.0),
        ("1/x", 0.0, 0.0),
        ("where(x > 0, 1, 0)", 0.0, None),
        ("where(x > 1, 1e-9, 0) + x", 1.0, None),
        ("where(x*x > 1, 1e-9, 0) + x", 1.0, None),
        ("where(x == 1, 1e-3, 0) + x", 1.0, None),
        ("floor(x)", 3.0, None),
        ("sign(x)", 0.0, None),
        ("x % 1", 2.0, None),
        ("sin(x)/x", 0.0, 0.9),
    ],
)
def test_where_there_is_no_partial_derivative(text: str, x: float, value: float | None) -> None:
    found = examine(text, ["x"], [x], None if value is None else [value])
    assert not found.differentiable
    assert not found.partial_derivatives_exist
    assert not found.affine
    assert found.order == pytest.approx(0.0, abs=0.05)
    assert found.message == "f is not differentiable there: the partial derivative of equations[0] by x does not exist"


def test_a_cone_has_no_partial_derivatives() -> None:
    for text in ("sqrt(x**2 + y**2)", "hypot(x, y)"):
        found = examine(text, ["x", "y"], ORIGIN)
        assert (found.differentiable, found.partial_derivatives_exist) == (False, False)
        assert "2 partial derivatives do not exist, first that of equations[0] by x" in found.message
        assert found.remainders[-1] == pytest.approx(1.0, rel=1e-9)


def test_the_equation_and_the_variable_at_fault_are_named() -> None:
    n = 30
    text = f"exp(u[i]) - (abs(u[i-1] - 1) if i == 17 else u[i-1] if i > 0 else 0) for i in range({n})"
    found = examine(text, {"u": np.zeros(n)}, np.ones(n))
    assert not found.differentiable
    assert found.message.endswith("the partial derivative of equations[0] at i=17 by u[16] does not exist")
    assert np.flatnonzero(found.worst_direction).tolist() == [16]
    assert examine(text, {"u": np.zeros(n)}, np.full(n, 0.5)).differentiable


def test_a_small_equation_beside_a_large_one() -> None:
    found = examine(["1e9*y + x**2", "1e-6*abs(x)"], ["x", "y"], [0.0, 2.0])
    assert found.message.endswith("of equations[1] by x does not exist")


# --- slopes that the formula has not, or has wrong -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "value", "order"),
    [
        ("sin(x)/x", 0.0, 1.0, 1),
        ("(exp(x) - 1)/x", 0.0, 1.0, 1),
        ("(x**3 - 1)/(x - 1)", 1.0, 3.0, 1),
        ("x**2*sin(1/x) + 3*x", 0.0, 0.0, 1),
        ("exp(-1/x**2) + x**2", 0.0, 0.0, 1),
    ],
)
def test_a_value_at_a_gap(text: str, x: float, value: float, order: float) -> None:
    found = examine(text, ["x"], [x], [value])
    assert found.differentiable
    assert found.order == pytest.approx(order, abs=0.1)


def test_a_slope_that_the_formula_has_only_at_the_point() -> None:
    found = examine("where(x == 0, 0, sin(x))", ["x"], [0.0])
    assert found.differentiable
    assert found.order == pytest.approx(2.0, abs=0.05)
    assert found.message.endswith(
        "; the partial derivative of equations[0] by x is 1 by differences, not 0 as the formula has it at x itself"
    )


def test_a_value_is_needed_where_the_formula_has_none() -> None:
    found = examine(["x", "x*y/(x**2 + y**2)"], ["x", "y"], ORIGIN)
    assert not found.differentiable
    assert not found.partial_derivatives_exist
    assert found.steps.size == 0
    assert np.isnan(found.order)
    assert "equations[1] is nan; if f is to have a value there" in found.message


def test_a_value_beside_one_that_the_formula_has() -> None:
    assert examine(["sqrt(2) + x", "sin(x)/x"], ["x"], [0.0], [1.4142136, 1.0]).differentiable
    with pytest.raises(
        rs.InputError, match=r"^value: number 0 is 1.5; expected 1.41421356\d*, the value that equations"
    ):
        examine(["sqrt(2) + x", "sin(x)/x"], ["x"], [0.0], [1.5, 1.0])


# --- edges of domains ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "order"), [("x**1.5", 0.5), ("x*sqrt(x)", 0.5), ("x**2.5 + x", 1.5)])
def test_at_the_edge_of_its_domain_f_is_tested_where_it_is(text: str, order: float) -> None:
    found = examine(text, ["x"], [0.0])
    assert found.differentiable
    assert found.order == pytest.approx(order, abs=0.05)
    assert found.message.endswith("; x is on the edge of f's domain, and only where f is finite was tested")


def test_a_domain_that_large_steps_leave() -> None:
    found = examine("log(x)*sqrt(1e-3 - y)", ["x", "y"], [1e-9, 0.0])
    assert found.differentiable
    assert "edge" not in found.message
    assert found.order == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("text", ["log(-x**2 - y**2)", "sqrt(-(y - x**2)**2)"])
def test_f_that_is_finite_at_the_point_alone(text: str) -> None:
    found = examine(text, ["x", "y"], ORIGIN, [0.0])
    assert not found.differentiable
    assert np.isnan(found.remainders).all()
    assert "equations[0] is finite in no direction tried" in found.message


# --- laws ---------------------------------------------------------------------------------------------------


@given(
    programs(smooth_only=True, longest=10),
    st.lists(st.sampled_from([0.0, 0.5, -0.7, 1.3, -2.1, 0.01]), min_size=5, max_size=5),
)
@settings(max_examples=60)
def test_smooth_programs_are_differentiable(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    x, p = np.split(np.array(point), [VARIABLES])
    outputs = last_finite(graph, run(graph, steps), x, p)[:1]
    if not outputs:
        return
    variables, parameters = ["x", "y", "z"], ["a", "b"]
    system = build([write(graph, outputs[0], variables, parameters)], variables, parameters)
    slopes = system.jacobian(x, p)
    if not np.all(np.isfinite(slopes)):
        # At the end of a domain.
        return
    assert differentiability(system, x, p).differentiable


@given(st.floats(-30.0, 30.0), st.floats(-6.0, 6.0), st.floats(-2.0, 2.0))
@settings(max_examples=30)
def test_units_do_not_matter(log_f: float, log_x: float, centre: float) -> None:
    f, s = f"{10.0**log_f!r}", 10.0**log_x
    c = round(centre, 3)
    kink = examine(f"{f}*(abs(x/{s!r} - {c}) + sin(y))", ["x", "y"], [c * s, 0.4])
    # x/s is c only but for rounding, unless c is 0: then the kink may lie beside the point.
    if 0.0 in (build(f"x/{s!r} - {c}", ["x"]).residual([c * s])[0], c):
        assert not kink.differentiable
    smooth = examine(f"{f}*((x/{s!r} - {c})**2 + sin(y))", ["x", "y"], [c * s, 0.4])
    assert smooth.differentiable
    assert smooth.order == pytest.approx(1.0, abs=0.05)


def test_the_same_every_time() -> None:
    first, second = (examine("exp(x)*y", ["x", "y"], [0.1, 0.2]) for _ in range(2))
    assert first.remainders.tobytes() == second.remainders.tobytes()
    assert first.message == second.message


def test_parameters_and_names() -> None:
    system = build("abs(x - q)*y", {"x": 0.0, "y": 0.0}, ["q"])
    for q, differentiable in ((1.0, False), (2.0, True)):
        found = differentiability(system, {"x": 1.0, "y": 3.0}, {"q": q})
        assert found.differentiable is differentiable


@pytest.mark.parametrize("directions", [1, 2, 200])
def test_any_number_of_directions(directions: int) -> None:
    assert examine("exp(x)*y", ["x", "y"], [0.1, 0.2], directions=directions).differentiable
    assert not examine("x*y/hypot(x, y)", ["x", "y"], ORIGIN, [0.0], directions=directions).differentiable


def test_what_does_not_fit_the_memory_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = examine("x*y/hypot(x, y) + abs(x)", ["x", "y"], ORIGIN, [0.0])
    monkeypatch.setattr("raphson_solver.differential.neighbourhood._BLOCK", 64)
    parts = examine("x*y/hypot(x, y) + abs(x)", ["x", "y"], ORIGIN, [0.0])
    assert parts.message == whole.message
    assert parts.partial_derivatives_exist == whole.partial_derivatives_exist


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"directions": 0}, r"^directions: expected at least 1, found 0$"),
        ({"value": [1.0, 2.0]}, r"^value: expected shape \(1,\)"),
        ({"value": [np.nan]}, r"^value: expected finite numbers"),
    ],
)
def test_bad_input(how: dict[str, Any], message: str) -> None:
    with pytest.raises(rs.InputError, match=message):
        examine("x*y/hypot(x, y)", ["x", "y"], ORIGIN, **how)


def test_it_can_be_ended() -> None:
    def between() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        examine("x", ["x"], [1.0], between=between)
