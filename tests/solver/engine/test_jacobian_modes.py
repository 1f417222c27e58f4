"""Solving with differences and with a caller's own Jacobian, right or wrong."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
ANALYTIC = rs.JacobianMode.ANALYTIC

SYSTEMS = [
    (["x**2 + y**2 = 4", "exp(x) + y = 1"], [1.0, -1.7], None),
    (["10*(y - x**2)", "1 - x"], [-1.2, 1.0], [1.0, 1.0]),
    (["1e4*x*y = 1", "exp(-x) + exp(-y) = 1.0001"], [0.0, 1.0], None),
    (["1e-8*x = 3e-8", "y*1e10 - x = 7"], [1.0, 1e-9], [3.0, 1e-9]),
    (["(x - 1)**3 + 1e-3*(x - 1) = 0", "y = x"], [2.0, 0.0], [1.0, 1.0]),
]


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
@pytest.mark.parametrize(("texts", "start", "root"), SYSTEMS)
def test_differences_converge_to_the_same_root(
    texts: list[str], start: list[float], root: list[float] | None, mode: rs.JacobianMode
) -> None:
    system = build(texts, ["x", "y"])
    exact = system.solve(start)
    solution = system.solve(start, options=rs.SolveOptions(jacobian=mode))
    assert exact.converged
    assert solution.converged
    np.testing.assert_allclose(solution.x, exact.x if root is None else root, rtol=1e-8)
    assert solution.evaluations > exact.evaluations


@pytest.mark.parametrize(("mode", "each"), [(rs.JacobianMode.FORWARD, 2), (rs.JacobianMode.CENTRAL, 4)])
def test_differences_count_their_evaluations(mode: rs.JacobianMode, each: int) -> None:
    options = rs.SolveOptions(method=rs.Method.NEWTON, jacobian=mode)
    solution = build(["x**2 + y**2 = 4", "exp(x) + y = 1"], ["x", "y"]).solve([1.0, -1.7], options=options)
    assert solution.converged
    assert solution.evaluations == solution.iterations + 1 + each * solution.jacobian_evaluations


@every_method
def test_a_right_analytic_jacobian_takes_the_exact_ones_steps(method: rs.Method) -> None:
    system = build(["x**2 + y**2 = 4", "exp(x) + y = 1"], ["x", "y"], jacobian=[["2*x", "2*y"], ["exp(x)", "1"]])
    exact = system.solve([1.0, -1.7], options=rs.SolveOptions(method=method))
    solution = system.solve([1.0, -1.7], options=rs.SolveOptions(method=method, jacobian=ANALYTIC))
    assert solution.converged
    assert solution.iterations == exact.iterations
    np.testing.assert_allclose(solution.x, exact.x, rtol=1e-14)


def test_an_analytic_jacobian_may_use_definitions_and_parameters() -> None:
    system = build(["s := x**2", "s*s = r"], ["x"], ["r"], jacobian=[["4*x*s + 0*r"]])
    solution = system.solve([1.5], [16.0], rs.SolveOptions(jacobian=ANALYTIC))
    assert solution.converged
    assert solution.x[0] == pytest.approx(2.0, rel=1e-12)
    assert system.jacobian([3.0], [1.0], ANALYTIC).tolist() == [[108.0]]


@every_method
@pytest.mark.parametrize(
    "entry", ["-2*x", "0", "0*x", "1e-9", "1e9", "-1e9", "log(-x)", "1/(x - 3)", "x**200", "2*x + 1"]
)
def test_a_wrong_analytic_jacobian_is_survived(entry: str, method: rs.Method) -> None:
    system = build("x**2 = 2", ["x"], jacobian=[[entry]])
    solution = system.solve([3.0], options=rs.SolveOptions(method=method, jacobian=ANALYTIC))
    if solution.converged:
        assert abs(solution.x[0]) == pytest.approx(np.sqrt(2.0), rel=1e-6)
    else:
        assert solution.remedy
    assert solution.iterations <= rs.SolveOptions().max_iterations
    if entry in {"log(-x)", "1/(x - 3)"} and method is not rs.Method.AUTO:
        assert solution.status is rs.Status.DOMAIN_ERROR
    if entry in {"0", "0*x"}:
        # Only a method that asks f alone gets anywhere.
        assert (
            solution.status in {rs.Status.SINGULAR, rs.Status.LOCAL_MINIMUM} or solution.method is rs.Method.BRACKETING
        )


def test_a_transposed_jacobian_still_finds_the_root_of_a_mild_system() -> None:
    texts = ["3*x + 0.1*sin(y) = 1", "0.2*cos(x) + 4*y = 2"]
    right = build(texts, ["x", "y"]).solve([0.0, 0.0])
    system = build(texts, ["x", "y"], jacobian=[["3", "-0.2*sin(x)"], ["0.1*cos(y)", "4"]])
    solution = system.solve([0.0, 0.0], options=rs.SolveOptions(jacobian=ANALYTIC))
    assert solution.converged
    assert solution.iterations > right.iterations
    np.testing.assert_allclose(solution.x, right.x, rtol=1e-10)


def test_the_exact_jacobian_is_used_unless_asked_otherwise() -> None:
    system = build("x**2 = 2", ["x"], jacobian=[["0"]])
    assert system.solve([3.0]).converged
    assert system.jacobian([3.0]).tolist() == [[6.0]]
