"""Each method by what makes it itself; and the limits, counters and trace that all have."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
SYSTEM = (["x**2 + y**2 = 4", "exp(x) + y = 1"], ["x", "y"])


@every_method
def test_every_method_finds_an_easy_root(method: rs.Method) -> None:
    solution = build(*SYSTEM).solve([1.0, -1.7], options=rs.SolveOptions(method=method))
    assert solution.converged
    np.testing.assert_allclose(solution.x, [1.0041687384746592, -1.7296372870258698], rtol=1e-12)
    assert solution.method is (rs.Method.NEWTON if method is rs.Method.AUTO else method)


def test_broyden_evaluates_j_at_the_ends_alone() -> None:
    texts = [
        f"(3 - 2*x[{i}])*x[{i}]{f' - x[{i - 1}]' if i else ''}{f' - 2*x[{i + 1}]' if i < 9 else ''} + 1"
        for i in range(10)
    ]
    system = build(texts, {"x": np.zeros(10)})
    newton = system.solve(np.full(10, -1.0), options=rs.SolveOptions(method=rs.Method.NEWTON))
    broyden = system.solve(np.full(10, -1.0), options=rs.SolveOptions(method=rs.Method.BROYDEN))
    assert newton.converged
    assert broyden.converged
    assert broyden.jacobian_evaluations < newton.jacobian_evaluations
    assert broyden.iterations > newton.iterations


def test_a_trust_region_grows_and_shrinks_and_ends_in_newtons_steps() -> None:
    texts = ["10*(y - x**2)", "1 - x"]
    solution = build(texts, ["x", "y"]).solve(
        [-1.2, 1.0], options=rs.SolveOptions(method=rs.Method.TRUST_REGION), trace=True
    )
    assert solution.converged
    assert solution.trace is not None
    radii = [step.damping for step in solution.trace[1:]]
    assert len(set(radii)) > 1
    residuals = [step.residual_norm for step in solution.trace]
    assert residuals[-1] < 1e-9


def test_pseudo_time_grows_as_the_residual_falls() -> None:
    solution = build(*SYSTEM).solve([1.5, 1.0], options=rs.SolveOptions(method=rs.Method.PSEUDO_TRANSIENT), trace=True)
    assert solution.converged
    assert solution.trace is not None
    times = [step.damping for step in solution.trace[1:]]
    assert times[-1] > 1e3 * times[0]


def test_the_two_line_searches_shorten_differently() -> None:
    texts = ["10*(y - x**2)", "1 - x"]
    lengths = []
    for method in (rs.Method.LINE_SEARCH, rs.Method.CUBIC_LINE_SEARCH):
        solution = build(texts, ["x", "y"]).solve([-1.2, 1.0], options=rs.SolveOptions(method=method), trace=True)
        assert solution.converged
        assert solution.trace is not None
        lengths.append([step.damping for step in solution.trace[1:]])
        norms = [step.residual_norm for step in solution.trace]
        assert norms[-1] < norms[0]
    assert min(lengths[0]) < 1.0


def test_on_a_steep_exponential_the_line_search_takes_long_steps() -> None:
    """Newton goes 0.025 at a time from 12 V to 0.7 V; doubled steps get there in a few."""
    text = "(12 - v)/100 = 1e-12*(exp(v/0.025) - 1)"
    newton = build(text, ["v"]).solve([12.0], options=rs.SolveOptions(method=rs.Method.NEWTON))
    search = build(text, ["v"]).solve([12.0], options=rs.SolveOptions(method=rs.Method.LINE_SEARCH))
    assert newton.converged
    assert search.converged
    assert search.iterations < 60 < newton.iterations
    np.testing.assert_allclose(search.x, newton.x, rtol=1e-10)


@every_method
def test_the_trace_tells_every_step(method: rs.Method) -> None:
    system = build(*SYSTEM)
    options = rs.SolveOptions(method=method)
    plain = system.solve([1.5, 1.0], options=options)
    traced = system.solve([1.5, 1.0], options=options, trace=True)
    assert plain.trace is None
    assert traced.trace is not None
    assert (plain.status, plain.iterations) == (traced.status, traced.iterations)
    np.testing.assert_array_equal(plain.x, traced.x)
    assert traced.trace[0].x.tolist() == [1.5, 1.0]
    assert np.isnan(traced.trace[0].step)
    assert len(traced.trace) >= traced.iterations
    np.testing.assert_allclose(traced.trace[-1].x, traced.x, rtol=1e-6)
    assert all(step.residual_norm >= 0.0 for step in traced.trace)


@every_method
@pytest.mark.parametrize("limit", [1, 2, 5, 20])
def test_the_evaluation_limit(method: rs.Method, limit: int) -> None:
    options = rs.SolveOptions(method=method, max_evaluations=limit)
    solution = build("x**2 + 1", ["x"]).solve([3.3], options=options)
    assert not solution.converged
    assert solution.status is rs.Status.EVALUATION_LIMIT or solution.evaluations < limit
    # One more at the end, to know f at the best point again, and the Jacobian of the last step.
    assert solution.evaluations <= limit + 3


def test_evaluations_by_differences_count_against_the_limit() -> None:
    options = rs.SolveOptions(jacobian=rs.JacobianMode.CENTRAL, max_evaluations=12)
    solution = build(*SYSTEM).solve([50.0, -40.0], options=options)
    assert solution.status is rs.Status.EVALUATION_LIMIT
    assert solution.evaluations <= 12 + 2 * 5


def test_a_regularized_step_is_counted() -> None:
    """J is singular at the start, not at the root."""
    system = build(["x**2 = 4", "y = x"], ["x", "y"])
    solution = system.solve([0.0, 1.0], options=rs.SolveOptions(method=rs.Method.NEWTON))
    assert solution.regularized_steps >= 1
    assert system.solve([1.0, 1.0]).regularized_steps == 0


def test_the_same_solve_is_the_same_each_time() -> None:
    """Restarts are at points that look random and are not."""
    system = build(["x**2 + y**2 = 1", "x + y = 3"], ["x", "y"])
    first, second = system.solve([0.3, 0.4]), system.solve([0.3, 0.4])
    assert first.iterations == second.iterations > 100
    np.testing.assert_array_equal(first.x, second.x)
