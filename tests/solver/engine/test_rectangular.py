"""More or fewer equations than variables."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs
from scipy.optimize import least_squares

from tests.solver.building import METHODS as EVERY
from tests.solver.building import build

METHODS = [method for method in EVERY if method not in {rs.Method.BROYDEN, rs.Method.PSEUDO_TRANSIENT}]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())


@every_method
def test_a_straight_line_through_points(method: rs.Method) -> None:
    """The normal equations of a linear fit have one answer."""
    t, y = np.arange(5.0), np.array([1.1, 2.9, 5.2, 6.8, 9.1])
    system = build("a + b*t[i] = y[i] for i in range(5)", ["a", "b"], {"t": t, "y": y})
    solution = system.solve([0.0, 0.0], {"t": t, "y": y}, rs.SolveOptions(method=method))
    assert solution.status is rs.Status.LEAST_SQUARES
    assert not solution.converged
    wanted = np.polynomial.polynomial.polyfit(t, y, 1)
    np.testing.assert_allclose(solution.x, wanted, rtol=1e-12)


@pytest.mark.parametrize("start", [[1.0, 1.0, 1.0], [50.0, 0.5, -2.0]])
def test_an_exponential_fit_as_scipy_finds_it(start: list[float]) -> None:
    random = np.random.default_rng(4)
    t = np.linspace(0, 4, 25)
    y = 3.0 * np.exp(-1.3 * t) + 0.5 + 0.05 * random.standard_normal(25)
    system = build("a*exp(-b*t[i]) + c = y[i] for i in range(25)", ["a", "b", "c"], {"t": t, "y": y})
    solution = system.solve(start, {"t": t, "y": y})
    assert solution.status is rs.Status.LEAST_SQUARES
    peer = least_squares(
        lambda v: v[0] * np.exp(-v[1] * t) + v[2] - y, [3.0, 1.0, 0.5], xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    np.testing.assert_allclose(solution.x, peer.x, rtol=1e-6)
    gradient = system.jacobian(solution.x, {"t": t, "y": y}).T @ solution.residual
    assert np.abs(gradient).max() < 1e-9


def test_where_j_is_ill_conditioned_digits_remain() -> None:
    """A polynomial of degree 7 on [1, 2]: JᵀJ has a condition number past 1e16."""
    t = np.linspace(1, 2, 20)
    y = np.polynomial.polynomial.polyval(t, [1, -2, 3, -4, 5, -6, 7, -8.0])
    system = build(
        "sum(c[k]*t[i]**k for k in range(8)) = y[i] for i in range(20)", {"c": np.zeros(8)}, {"t": t, "y": y}
    )
    solution = system.solve(np.zeros(8), {"t": t, "y": y})
    assert solution.status in {rs.Status.CONVERGED, rs.Status.LEAST_SQUARES}
    np.testing.assert_allclose(solution.x, [1, -2, 3, -4, 5, -6, 7, -8.0], rtol=1e-6)


@every_method
def test_too_many_equations_that_agree_have_a_root(method: rs.Method) -> None:
    system = build(["x**2 + y**2 = 25", "x*y = 12", "x - y = -1"], ["x", "y"])
    solution = system.solve([2.0, 5.0], options=rs.SolveOptions(method=method))
    assert solution.converged
    np.testing.assert_allclose(solution.x, [3.0, 4.0], rtol=1e-9)


@every_method
def test_fewer_equations_have_a_root_near_the_start(method: rs.Method) -> None:
    solution = build(["x**2 + y**2 + z**2 = 9"], ["x", "y", "z"]).solve(
        [1.0, 2.0, 2.5], options=rs.SolveOptions(method=method)
    )
    assert solution.converged
    assert np.linalg.norm(solution.x) == pytest.approx(3.0, rel=1e-12)
    # The shortest way to the sphere is along the radius.
    np.testing.assert_allclose(solution.x / 3.0, np.array([1.0, 2.0, 2.5]) / np.linalg.norm([1.0, 2.0, 2.5]), atol=0.05)


@every_method
def test_fewer_equations_without_a_root(method: rs.Method) -> None:
    solution = build(["x**2 + y**2 + 1"], ["x", "y"]).solve([1.0, 2.0], options=rs.SolveOptions(method=method))
    assert not solution.converged
    assert solution.status is not rs.Status.LEAST_SQUARES


def test_bounds_hold_in_a_fit() -> None:
    t, y = np.arange(4.0), np.array([0.0, -1.0, -2.0, -3.0])
    system = build("a + b*t[i] = y[i] for i in range(4)", ["a", "b"], {"t": t, "y": y})
    solution = system.solve([1.0, 1.0], {"t": t, "y": y}, bounds={"b": (-0.5, None)})
    assert solution.status is rs.Status.LEAST_SQUARES
    # With b = −1/2 the best a is the mean of y + t/2.
    np.testing.assert_allclose(solution.x, [np.mean(y + t / 2), -0.5], rtol=1e-10)
    assert solution.active_bounds == ((1, "lower"),)


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
def test_by_differences(mode: rs.JacobianMode) -> None:
    system = build(["x**2 + y**2 = 25", "x*y = 12", "x - y = -1.1"], ["x", "y"])
    exact = system.solve([2.0, 5.0])
    solution = system.solve([2.0, 5.0], options=rs.SolveOptions(jacobian=mode))
    assert exact.status is rs.Status.LEAST_SQUARES
    np.testing.assert_allclose(solution.x, exact.x, rtol=1e-6)


def test_the_result_prints_its_status_and_remedy() -> None:
    text = repr(build(["x = 1", "x = 2"], ["x"]).solve([0.0]))
    assert text.splitlines()[0].startswith("least squares after ")
    assert rs.Status.LEAST_SQUARES.message in text
