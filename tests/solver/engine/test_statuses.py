"""How an iteration ends: each status on a system made for it, and what every answer says of itself."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

NO_DIRECTION = {method: {rs.Status.SINGULAR} for method in METHODS} | {
    # These damp their steps until they point down, and so end where nothing goes further down.
    rs.Method.LEVENBERG_MARQUARDT: {rs.Status.SINGULAR, rs.Status.LOCAL_MINIMUM},
    rs.Method.AUTO: {rs.Status.SINGULAR, rs.Status.LOCAL_MINIMUM},
    # These do not see that J is singular: one adds to it, the other changes it.
    rs.Method.PSEUDO_TRANSIENT: {rs.Status.SINGULAR, rs.Status.ITERATION_LIMIT},
    rs.Method.BROYDEN: {rs.Status.SINGULAR, rs.Status.STALLED},
}
# What a linear system may cost where a method does not start with Newton's step.
STEPS = {rs.Method.LEVENBERG_MARQUARDT: 8, rs.Method.TRUST_REGION: 8, rs.Method.PSEUDO_TRANSIENT: 25}
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
single_method = pytest.mark.parametrize("method", METHODS[1:], ids=lambda method: method.name.lower())


@every_method
def test_a_start_at_the_root_converges_in_no_steps(method: rs.Method) -> None:
    solution = build(["x**2 + y = 7", "x*y = 6"], ["x", "y"]).solve([2.0, 3.0], options=rs.SolveOptions(method=method))
    assert (solution.status, solution.iterations) == (rs.Status.CONVERGED, 0)
    assert solution.x.tolist() == [2.0, 3.0]
    assert solution.residual.tolist() == [0.0, 0.0]


@every_method
def test_a_linear_system_takes_few_steps(method: rs.Method) -> None:
    solution = build(["3*x + y = 5", "x - 2*y = 4"], ["x", "y"]).solve(
        [0.0, 0.0], options=rs.SolveOptions(method=method)
    )
    assert solution.converged
    assert solution.iterations <= STEPS.get(method, 1)
    np.testing.assert_allclose(solution.x, [2.0, -1.0], rtol=1e-12)


@pytest.mark.parametrize("method", [method for method in METHODS if method is not rs.Method.PSEUDO_TRANSIENT])
def test_powells_singular_function(method: rs.Method) -> None:
    """Its Jacobian is singular at the root, where Newton converges linearly; others reported failure at 2e-32."""
    texts = ["x1 + 10*x2", "sqrt(5)*(x3 - x4)", "(x2 - 2*x3)**2", "sqrt(10)*(x1 - x4)**2"]
    solution = build(texts, ["x1", "x2", "x3", "x4"]).solve([3, -1, 0, 1], options=rs.SolveOptions(method=method))
    assert solution.status is rs.Status.CONVERGED
    assert solution.residual_norm < 1e-20
    np.testing.assert_allclose(solution.x, 0.0, atol=1e-10)


@every_method
@pytest.mark.parametrize("start", [(0.0, 0.0), (1.0, 5.0), (-100.0, 100.0)])
def test_equations_that_contradict_each_other_are_singular(method: rs.Method, start: tuple[float, float]) -> None:
    solution = build(["x + y = 1", "x + y = 2"], ["x", "y"]).solve(start, options=rs.SolveOptions(method=method))
    assert solution.status in NO_DIRECTION[method]


@every_method
def test_an_equation_without_variables_is_singular(method: rs.Method) -> None:
    solution = build(["x = 2", "r = 1"], ["x", "y"], ["r"]).solve([1.0, 1.0], [3.0], rs.SolveOptions(method=method))
    assert solution.status in NO_DIRECTION[method]
    assert solution.residual[1] == 2.0


@every_method
def test_equations_that_repeat_each_other_have_a_root_all_the_same(method: rs.Method) -> None:
    solution = build(["x + y = 1", "2*x + 2*y = 2"], ["x", "y"]).solve(
        [3.0, 4.0], options=rs.SolveOptions(method=method)
    )
    if solution.converged:
        assert solution.x.sum() == pytest.approx(1.0, rel=1e-9)
    else:
        assert solution.status is rs.Status.SINGULAR


@single_method
@pytest.mark.parametrize("text", ["log(x)", "sqrt(x) - 1", "1/(x + 1) - 1", "x**0.3 - 1"])
def test_a_start_outside_the_domain(text: str, method: rs.Method) -> None:
    solution = build(text, ["x"]).solve([-1.0], options=rs.SolveOptions(method=method))
    assert (solution.status, solution.iterations) == (rs.Status.DOMAIN_ERROR, 0)
    assert solution.x.tolist() == [-1.0]
    assert not np.isfinite(solution.residual_norm)


@single_method
def test_a_jacobian_that_is_not_finite_at_the_start(method: rs.Method) -> None:
    solution = build("sqrt(x) + 1 = 1.5", ["x"]).solve([0.0], options=rs.SolveOptions(method=method))
    assert solution.status is rs.Status.DOMAIN_ERROR


@pytest.mark.parametrize(
    ("text", "start", "root"),
    [
        ("log(x)", -1.0, 1.0),
        ("sqrt(x) - 1", -1.0, 1.0),
        ("1/(x + 1) - 1", -1.0, 0.0),
        ("x**0.3 - 1", -1.0, 1.0),
        ("sqrt(x) + 1 = 1.5", 0.0, 0.25),
        ("exp(x) = 2", 1000.0, np.log(2.0)),
        ("x**9 = 512", 1e40, 2.0),
    ],
)
def test_auto_finds_a_start_inside_the_domain(text: str, start: float, root: float) -> None:
    solution = build(text, ["x"]).solve([start])
    assert solution.converged
    assert solution.x[0] == pytest.approx(root, rel=1e-9, abs=1e-12)


def test_auto_says_so_where_f_is_defined_nowhere() -> None:
    solution = build("sqrt(-1 - x**2)", ["x"]).solve([1.0])
    assert (solution.status, solution.iterations) == (rs.Status.DOMAIN_ERROR, 0)
    assert not np.isfinite(solution.residual_norm)


@every_method
@pytest.mark.parametrize("limit", [1, 2, 7, 50])
def test_the_iteration_limit(method: rs.Method, limit: int) -> None:
    """x² + 1 has no root, and undamped Newton on it never ends."""
    solution = build("x**2 + 1", ["x"]).solve([3.3], options=rs.SolveOptions(method=method, max_iterations=limit))
    assert solution.iterations <= limit
    assert not solution.converged
    if method is rs.Method.NEWTON:
        assert (solution.status, solution.iterations) == (rs.Status.ITERATION_LIMIT, limit)


def test_a_limit_that_just_suffices_suffices() -> None:
    system = build("exp(x) = 5", ["x"])
    needed = system.solve([1.0]).iterations
    for method in (rs.Method.NEWTON, rs.Method.LINE_SEARCH):
        enough = rs.SolveOptions(method=method, max_iterations=needed)
        short = rs.SolveOptions(method=method, max_iterations=needed - 1)
        assert system.solve([1.0], options=enough).status is rs.Status.CONVERGED
        assert system.solve([1.0], options=short).status is rs.Status.ITERATION_LIMIT


def test_a_minimum_that_is_no_root_is_not_called_one() -> None:
    solution = build("x**2 + 1", ["x"]).solve([3.3], options=rs.SolveOptions(method=rs.Method.LEVENBERG_MARQUARDT))
    assert solution.status in {rs.Status.LOCAL_MINIMUM, rs.Status.STALLED, rs.Status.SINGULAR}
    assert abs(solution.x[0]) < 1e-3


@pytest.mark.parametrize("method", [rs.Method.AUTO, rs.Method.NEWTON])
def test_freudenstein_and_roth(method: rs.Method) -> None:
    """Every line search is trapped at (11.41…, −0.8968…), a minimum; undamped Newton leaves it."""
    texts = ["-13 + x + ((5 - y)*y - 2)*y", "-29 + x + ((y + 1)*y - 14)*y"]
    solution = build(texts, ["x", "y"]).solve([0.5, -2.0], options=rs.SolveOptions(method=method))
    assert solution.converged
    np.testing.assert_allclose(solution.x, [5.0, 4.0], rtol=1e-9)
    assert solution.method is rs.Method.NEWTON


def test_a_pivot_of_zero_is_no_singular_matrix() -> None:
    solution = build(["y = 1", "x + 0*y = 2", "z + x = 5"], ["x", "y", "z"]).solve([0.0, 0.0, 0.0])
    assert solution.converged
    np.testing.assert_allclose(solution.x, [2.0, 1.0, 3.0], rtol=1e-15)


def test_a_small_pivot_costs_no_digits() -> None:
    options = rs.SolveOptions(method=rs.Method.NEWTON)
    solution = build(["1e-7*x + y = 1", "x + y = 2"], ["x", "y"]).solve([0.0, 0.0], options=options)
    assert (solution.status, solution.iterations) == (rs.Status.CONVERGED, 1)
    np.testing.assert_allclose(solution.x, [1 / (1 - 1e-7), 1 - 1e-7 / (1 - 1e-7)], rtol=1e-14)


def test_a_cascade_that_fails_returns_the_best_point_of_all() -> None:
    """So it is no worse, by the scales at the start, than its first attempt: plain Newton with twenty steps."""
    system = build(["-13 + x + ((5 - y)*y - 2)*y", "-29 + x + ((y + 1)*y - 14)*y"], ["x", "y"])
    failures = 0
    for start in np.random.default_rng(11).uniform(-20, 20, size=(60, 2)):
        all_of_it = system.solve(start, options=rs.SolveOptions(max_iterations=40))
        if all_of_it.converged:
            continue
        failures += 1
        at_start = system.solve(start, options=rs.SolveOptions(max_evaluations=1))
        scale = np.abs(at_start.residual) / at_start.scaled_residual
        first = system.solve(start, options=rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=20))
        assert np.linalg.norm(all_of_it.residual / scale) <= np.linalg.norm(first.residual / scale) * (1 + 1e-12)
    assert failures > 5


def test_equations_of_very_different_size() -> None:
    solution = build(["1e20*(x - y) = 1e20", "1e-20*(x + y) = 3e-20"], ["x", "y"]).solve([0.0, 0.0])
    assert solution.converged
    np.testing.assert_allclose(solution.x, [2.0, 1.0], rtol=1e-12)


def test_a_small_residual_of_large_terms_is_a_root_and_of_small_terms_is_not() -> None:
    large = build("1e12*x = 1e12 + 3e11*x", ["x"]).solve([0.4])
    assert large.converged
    assert large.x[0] == pytest.approx(1 / 0.7, rel=1e-12)
    tiny = build("h*2e-7 = 1e-14", ["h"]).solve([1.0])
    assert tiny.converged
    assert tiny.x[0] == pytest.approx(5e-8, rel=1e-12)
    assert not build("x**2 + 1e-12", ["x"]).solve([1.0]).converged


def test_the_counters() -> None:
    solution = build("x**2 = 2", ["x"]).solve([1.5])
    assert solution.converged
    assert 3 <= solution.iterations <= 6
    assert solution.evaluations >= solution.iterations + 1
    assert solution.jacobian_evaluations >= solution.iterations
    assert 0 < solution.elapsed_seconds < 1


@pytest.mark.parametrize("text", ["sqrt(x) = p", "exp(x) = 3*p", "x**3 + x = p"])
def test_few_iterations_are_not_cut_into_attempts_too_short_to_arrive(text: str) -> None:
    """What plain Newton solves in five steps `auto` solves when it is allowed five."""
    solution = build([text], ["x"], ["p"]).solve([1.0], [1.2], rs.SolveOptions(max_iterations=5))
    assert (solution.status, solution.method) == (rs.Status.CONVERGED, rs.Method.NEWTON)


def test_a_point_on_its_way_to_a_root_is_no_minimum() -> None:
    system = build(["sqrt(x) = p", "y - x = 1"], ["x", "y"], ["p"])
    for limit in (1, 2, 3):
        solution = system.solve([1.0, 0.0], [1.2], rs.SolveOptions(max_iterations=limit, whole=True))
        assert solution.status is rs.Status.ITERATION_LIMIT
