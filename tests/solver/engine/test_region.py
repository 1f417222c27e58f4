"""Bounds that every evaluation honours, and sizes that callers know."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
every_mode = pytest.mark.parametrize("mode", [rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])


@every_method
@every_mode
def test_f_is_never_evaluated_outside(method: rs.Method, mode: rs.JacobianMode) -> None:
    """√ at its edge: where it is evaluated outside even once, the answer of a trial is not finite; here it never is."""
    system = build(["sqrt(x) + sqrt(1 - x) + y = 1.2", "sqrt(y) + x = 0.5"], ["x", "y"])
    options = rs.SolveOptions(method=method, jacobian=mode, max_iterations=60)
    for start in ([0.9, 0.1], [0.1, 0.9], [0.5, 0.5]):
        solution = system.solve(start, options=options, bounds={"x": (0.0, 1.0), "y": (0.0, 1.0)}, trace=True)
        assert solution.trace
        for step in solution.trace:
            assert np.all((step.x >= 0.0) & (step.x <= 1.0))
            assert np.isfinite(step.residual_norm)


@every_method
def test_of_two_roots_the_one_inside(method: rs.Method) -> None:
    solution = build("x**2 = 4", ["x"]).solve([0.5], options=rs.SolveOptions(method=method), bounds=([0.0], [10.0]))
    assert solution.converged
    assert solution.x[0] == pytest.approx(2.0, rel=1e-12)
    assert solution.active_bounds == ()


@every_method
def test_a_root_at_a_bound_is_found_and_the_bound_reported(method: rs.Method) -> None:
    solution = build(["x + y = 1", "x - y = 1"], ["x", "y"]).solve(
        {"x": 0.5, "y": 0.5}, options=rs.SolveOptions(method=method), bounds={"y": (0.0, None)}
    )
    assert solution.converged
    np.testing.assert_allclose(solution.x, [1.0, 0.0], atol=1e-12)
    assert solution.active_bounds in {(), ((1, "lower"),)}


@every_method
def test_no_root_inside(method: rs.Method) -> None:
    solution = build("x**2 = 4", ["x"]).solve([0.5], options=rs.SolveOptions(method=method), bounds=([0.0], [1.0]))
    assert not solution.converged
    assert solution.x[0] == 1.0
    assert solution.active_bounds == ((0, "upper"),)
    assert solution.status in {rs.Status.LOCAL_MINIMUM, rs.Status.STALLED, rs.Status.ITERATION_LIMIT}


def test_random_boxes_hold_every_point() -> None:
    random = np.random.default_rng(8)
    system = build(["x**2 + y**2 = 4", "x*y + sin(3*x) = 1"], ["x", "y"])
    for _ in range(200):
        corners = np.sort(random.uniform(-3, 3, size=(2, 2)), axis=0)
        start = random.uniform(*corners)
        method = random.choice(np.array(METHODS))
        solution = system.solve(
            start, options=rs.SolveOptions(method=rs.Method(method)), bounds=(corners[0], corners[1]), trace=True
        )
        assert solution.trace is not None
        points = np.array([step.x for step in solution.trace] + [solution.x])
        assert np.all((points >= corners[0]) & (points <= corners[1]))


def test_equal_bounds_hold_a_variable() -> None:
    system = build(["x + y = 3", "x - y = 1"], ["x", "y"])
    free = system.solve([1.0, 1.0])
    np.testing.assert_allclose(free.x, [2.0, 1.0])
    for mode in (rs.JacobianMode.EXACT, rs.JacobianMode.CENTRAL):
        held = system.solve([1.0, 1.0], options=rs.SolveOptions(jacobian=mode), bounds={"y": (1.0, 1.0)})
        assert held.converged
        np.testing.assert_allclose(held.x, [2.0, 1.0])
        held = system.solve([1.0, 1.5], options=rs.SolveOptions(jacobian=mode), bounds={"y": (1.5, 1.5)})
        assert not held.converged
        assert held.x[1] == 1.5


def test_nominal_sizes_of_variables_that_start_at_zero() -> None:
    """From zero, where the slopes of fourth powers vanish, only sizes say how far to look."""
    texts = [
        "0.5*(1200**4 - a**4) = 0.3*(a**4 - b**4)",
        "0.3*(a**4 - b**4) = 5.67e8*(b - 300) + 0.8*(b**4 - 290**4)",
    ]
    solution = build(texts, ["a", "b"]).solve([0.0, 0.0], nominal={"a": 1000.0, "b": 300.0})
    assert solution.converged


def test_nominal_sizes_of_residuals_choose_the_least_squares_point() -> None:
    system = build(["x = 1", "x = 2"], ["x"])
    assert system.solve([0.0]).x[0] == pytest.approx(1.5, rel=1e-12)
    weighted = system.solve([0.0], nominal_residual=[1.0, 2.0])
    # Σ((x − 1)² + (x − 2)²/4) is least at 1.2.
    assert weighted.x[0] == pytest.approx(1.2, rel=1e-12)
    assert weighted.status is rs.Status.LEAST_SQUARES


@pytest.mark.parametrize(
    ("given", "field", "part"),
    [
        ({"bounds": {"z": (0, 1)}}, "bounds.z", "no variable 'z'"),
        ({"bounds": {"x": (0, 1, 2)}}, "bounds.x", "a pair (lower, upper)"),
        ({"bounds": {"x": 3}}, "bounds.x", "a pair (lower, upper)"),
        ({"bounds": {"x": (2, 1)}}, "bounds.x", "lower ≤ upper, found [2.0, 1.0]"),
        ({"bounds": {"x": (0, float("nan"))}}, "bounds.x", "lower ≤ upper"),
        ({"bounds": {"u": ([0, 0, 0], None)}}, "bounds.u.lower", "(3,); expected a number, or (2,)"),
        ({"bounds": {"x": (5, 6)}}, "start", "outside its bounds [5.0, 6.0]"),
        ({"nominal": {"x": -1.0}}, "nominal.x", "sizes above 0, found -1.0"),
        ({"nominal": {"u": [1.0, 0.0]}}, "nominal.u", "sizes above 0, found 0.0"),
        ({"nominal": {"v": 1.0}}, "nominal.v", "no variable 'v'"),
        ({"nominal_residual": [1.0]}, "nominal_residual", "(3,)"),
        ({"nominal_residual": [1.0, 1.0, -2.0]}, "nominal_residual", "found -2.0"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], field: str, part: str) -> None:
    system = build(["x = 1", "u[i] = i for i in range(2)"], {"x": 0.0, "u": np.zeros(2)})
    with pytest.raises(rs.InputError) as caught:
        system.solve({"x": 1.0, "u": [0.0, 0.0]}, **given)
    assert caught.value.field == field
    assert part in caught.value.message
