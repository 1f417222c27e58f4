"""Large systems, solved with sparse factors, end as small ones do, with the same statuses for the same reasons."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

AS_FAMILIES = rs.Limits(equations=1)
METHODS = [method for method in rs.Method if method is not rs.Method.BRACKETING]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
WAYS = [rs.LinearSolver.DIRECT, rs.LinearSolver.KRYLOV]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())


def pair(texts: Any, start: Any, parameters: Any = None) -> tuple[rs.System, rs.System]:
    """Return a system that stays families, and the same written out."""
    families = build(texts, start, parameters, limits=AS_FAMILIES)
    assert families.family_codes is not None
    return families, build(texts, start, parameters)


BRATU = ["u[0] = 0", "u[i-1] - 2*u[i] + u[i+1] + h**2*c*exp(u[i]) = 0 for i in range(1, n-1)", "u[n-1] = 0"]
SYSTEMS: dict[str, tuple[Any, Any, Any]] = {
    "bratu": (BRATU, {"u": np.zeros(31)}, {"n": 31, "h": 1 / 30, "c": 3.0}),
    "broyden": (
        "(3 - 2*x[i])*x[i] - (x[i-1] if i > 0 else 0) - (2*x[i+1] if i < n-1 else 0) + 1 for i in range(n)",
        {"x": -np.ones(40)},
        {"n": 40},
    ),
    "chandrasekhar": (
        "x[i] - 1 - c/(2*n)*sum(x[i]*x[j]*(i+1)/(i+j+2) for j in range(n)) for i in range(n)",
        {"x": np.ones(30)},
        {"n": 30, "c": 0.9},
    ),
    "arrow": (
        ["x[i]**3 + y - (i+1) for i in range(20)", "y - sum(x)/20 + 0.1"],
        {"x": np.ones(20), "y": 1.0},
        None,
    ),
    "log": ("log(x[i]) + x[(i+1) % 15] - 1.5 for i in range(15)", {"x": np.full(15, 3.0)}, None),
}


@every_way
@every_method
@pytest.mark.parametrize("name", SYSTEMS)
def test_it_finds_what_dense_matrices_find(name: str, method: rs.Method, way: rs.LinearSolver) -> None:
    texts, start, parameters = SYSTEMS[name]
    families, written = pair(texts, start, parameters)
    free = {key: value for key, value in (parameters or {}).items() if key not in written.structural}
    options = rs.SolveOptions(method=method, linear_solver=way)
    dense = rs.SolveOptions(method=method, linear_solver=rs.LinearSolver.DENSE)
    got, expected = families.solve(start, free, options), written.solve(start, free, dense)
    assert got.status is rs.Status.CONVERGED
    assert "GMRES" in got.linear_solver if way is rs.LinearSolver.KRYLOV else "sparse LU" in got.linear_solver
    np.testing.assert_allclose(got.x, expected.x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got.residual, families.residual(got.x, free), atol=1e-300)
    assert np.all((got.scaled_residual <= 1e-12) | (np.abs(got.residual) <= 1e-30))
    if way is rs.LinearSolver.DIRECT and method not in {rs.Method.BROYDEN, rs.Method.PSEUDO_TRANSIENT}:
        assert got.iterations <= expected.iterations + 2
    assert got.method in METHODS
    assert "converged" in repr(got)


def test_a_start_that_solves_it_takes_no_step() -> None:
    families, _ = pair("x[i]**2 - 4 for i in range(9)", {"x": np.ones(9)})
    solution = families.solve(np.full(9, -2.0))
    assert (solution.status, solution.iterations) == (rs.Status.CONVERGED, 0)


@every_way
@every_method
@pytest.mark.parametrize(
    "text",
    ["x[i]**2 + 1", "exp(x[i])", "x[i] - sqrt(x[i]**2 + 1)", "1/(x[i] - 0.3)", "tanh(x[i]) - 1.5", "sin(x[i]) + 1.5"],
)
def test_no_root_is_never_converged(text: str, method: rs.Method, way: rs.LinearSolver) -> None:
    families, _ = pair(f"{text} for i in range(6)", {"x": np.ones(6)})
    rng = np.random.default_rng(3)
    for exponent in (-1, 0, 1, 3, 8, 15):
        start = rng.normal(size=6) * 10.0**exponent
        solution = families.solve(start, options=rs.SolveOptions(method=method, linear_solver=way, max_iterations=60))
        assert not solution.converged
        assert solution.remedy or solution.status is rs.Status.CANCELLED


def test_a_start_out_of_the_domain_is_said() -> None:
    families, _ = pair("log(x[i]) for i in range(5)", {"x": np.ones(5)})
    solution = families.solve(-np.ones(5), options=rs.SolveOptions(method=rs.Method.NEWTON))
    assert solution.status is rs.Status.DOMAIN_ERROR
    np.testing.assert_array_equal(solution.x, -np.ones(5))


@every_way
@pytest.mark.parametrize("method", [rs.Method.AUTO, rs.Method.NEWTON])
def test_a_singular_jacobian_ends_as_where_it_is_dense(way: rs.LinearSolver, method: rs.Method) -> None:
    families, written = pair(["x[i] + x[i+1] - 1 for i in range(4)", "x[0] + x[1] - 2"], {"x": np.ones(5)})
    options = rs.SolveOptions(method=method, linear_solver=way)
    found = families.solve(np.zeros(5), options=options)
    assert found.status is written.solve(np.zeros(5), options=rs.SolveOptions(method=method)).status
    assert found.regularized_steps > 0


def test_bounds_hold_at_every_evaluation_and_active_ones_are_named() -> None:
    families, _ = pair("sqrt(x[i]) - x[i] + 0.1 + 0*x[0] for i in range(7)", {"x": np.ones(7)})
    inside = families.solve(np.full(7, 0.6), bounds={"x": (0.5, 3.0)})
    assert inside.converged
    assert inside.active_bounds == ()
    blocked = families.solve(np.full(7, 0.6), bounds={"x": (0.5, 1.0)})
    assert not blocked.converged
    assert np.all((blocked.x >= 0.5) & (blocked.x <= 1.0))
    assert (0, "upper") in blocked.active_bounds
    with pytest.raises(rs.InputError) as caught:
        families.solve(np.full(7, 5.0), bounds={"x": (0.5, 1.0)})
    assert caught.value.field == "start"


def test_limits_and_the_flag_end_it() -> None:
    families, _ = pair(*SYSTEMS["broyden"])
    start = SYSTEMS["broyden"][1]
    few = families.solve(start, options=rs.SolveOptions(max_iterations=1))
    assert (few.status, few.iterations) == (rs.Status.ITERATION_LIMIT, 1)
    assert families.solve(start, options=rs.SolveOptions(max_evaluations=2)).status is rs.Status.EVALUATION_LIMIT
    late = families.solve(start, options=rs.SolveOptions(timeout_seconds=1e-9))
    assert late.status is rs.Status.TIME_LIMIT
    np.testing.assert_array_equal(late.x, start["x"])
    flag = rs.CancelFlag()
    flag.set()
    assert families.solve(start, cancel=flag).status is rs.Status.CANCELLED


def test_cancelled_from_another_thread() -> None:
    n = 40_000
    system = build("x[i]**2 + 1 + 1e-3*x[(i+1) % n]**2 for i in range(n)", {"x": np.ones(n)}, {"n": n})
    flag = rs.CancelFlag()
    timer = threading.Timer(0.3, flag.set)
    timer.start()
    solution = system.solve(np.linspace(1, 2, n), cancel=flag, options=rs.SolveOptions(max_iterations=100_000))
    timer.join()
    assert solution.status is rs.Status.CANCELLED
    assert solution.elapsed_seconds < 5.0


def test_the_trace() -> None:
    families, _ = pair(*SYSTEMS["bratu"])
    solution = families.solve(SYSTEMS["bratu"][1], [1 / 30, 3.0], trace=True)
    assert solution.trace is not None
    assert len(solution.trace) == solution.iterations + 1
    assert np.isnan(solution.trace[0].step)
    np.testing.assert_array_equal(solution.trace[-1].x, solution.x)
    assert [step.method for step in solution.trace] == [rs.Method.NEWTON] * len(solution.trace)


def test_freudenstein_and_roth_by_the_thousand() -> None:
    texts = [
        "x[i] - y[i]*(2 - y[i]*(5 - y[i])) - 13 for i in range(n)",
        "x[i] - y[i]*(14 - y[i]*(1 + y[i])) - 29 for i in range(n)",
    ]
    system = build(texts, {"x": np.ones(3000), "y": np.ones(3000)}, {"n": 3000})
    assert system.family_codes is not None
    solution = system.solve({"x": np.full(3000, 0.5), "y": np.full(3000, -2.0)})
    assert solution.converged
    np.testing.assert_allclose(solution["x"], 5.0, rtol=1e-10)
    np.testing.assert_allclose(solution["y"], 4.0, rtol=1e-10)


def test_a_plane_of_ten_thousand_unknowns() -> None:
    n = 100
    texts = [
        (
            "u[i-1,j] + u[i+1,j] + u[i,j-1] + u[i,j+1] - 4*u[i,j] + h**2*c*exp(u[i,j])"
            " for i in range(1, n-1) for j in range(1, n-1)"
        ),
        "u[i,j] for i in range(n) for j in range(n) if i == 0 or i == n-1 or j == 0 or j == n-1",
    ]
    system = build(texts, {"u": np.zeros((n, n))}, {"n": n, "h": 1 / (n - 1), "c": 6.8})
    solution = system.solve(np.zeros(n * n), [1 / (n - 1), 6.8])
    assert solution.converged
    # The lower branch near the fold at 6.808: between 1.2 and 1.4 at the centre (Doedel and others).
    assert 1.2 < float(np.max(solution.x)) < 1.4


def test_what_only_smaller_systems_have() -> None:
    families, _ = pair("x[i]**2 - 4 for i in range(9)", {"x": np.ones(9)})
    with pytest.raises(rs.InputError) as caught:
        families.solve(np.ones(9), options=rs.SolveOptions(jacobian=rs.JacobianMode.CENTRAL))
    assert caught.value.field == "options.jacobian"


@every_way
def test_more_equations_than_variables_are_least_squares(way: rs.LinearSolver) -> None:
    texts = ["x[i]**2 + x[i+1] - 2 for i in range(49)", "x[i] - 1.1 for i in range(50)"]
    system = build(texts, {"x": np.ones(50)}, limits=AS_FAMILIES)
    dense = system.solve(np.full(50, 2.0), options=rs.SolveOptions(linear_solver=rs.LinearSolver.DENSE))
    sparse = system.solve(np.full(50, 2.0), options=rs.SolveOptions(linear_solver=way))
    assert sparse.status is dense.status is rs.Status.LEAST_SQUARES
    np.testing.assert_allclose(sparse.x, dense.x, rtol=1e-6)


@every_way
def test_nominal_sizes_weigh_steps_and_leave_roots_alone(way: rs.LinearSolver) -> None:
    texts, start, parameters = SYSTEMS["bratu"]
    families, _ = pair(texts, start, parameters)
    options = rs.SolveOptions(linear_solver=way, method=rs.Method.LINE_SEARCH)
    plain = families.solve(start, {"h": 1 / 30, "c": 3.0}, options)
    sized = families.solve(
        start, {"h": 1 / 30, "c": 3.0}, options, nominal={"u": 0.1}, nominal_residual=np.full(31, 0.1)
    )
    assert sized.converged
    np.testing.assert_allclose(sized.x, plain.x, rtol=1e-9, atol=1e-12)


def test_what_is_not_finite_is_refused() -> None:
    families, _ = pair("x[i]**2 - p for i in range(9)", {"x": np.ones(9)}, {"p": 1.0})
    with pytest.raises(rs.InputError):
        families.solve(np.full(9, np.nan), [1.0])
    with pytest.raises(rs.InputError):
        families.solve(np.ones(9), [np.inf])


@every_way
@pytest.mark.parametrize(
    ("texts", "faults"),
    [
        (
            ["u[i]**2 - 4 = 0 for i in range(198)", "u[0] + u[1] = 4", "u[0] - u[1] = 0"],
            [
                "no equation contains u[198] and u[199]",
                "4 equations (equations[0] at i=0",
                "only 2 variables (u[0] and",
            ],
        ),
        (
            ["u[i] + u[i+1] - 4 = 0 for i in range(199)", "c = 1"],
            ["equations[1] contains no variable"],
        ),
        (
            ["u[0]*u[1] = 1", "u[(i+1) % 200]**2 - 4 = 0 for i in range(1, 198)", "u[0]*u[1] = 2", "u[0] - u[1] = 1"],
            ["3 equations (equations[0], equations[2] and equations[3]) contain only 2 variables", "u[199]"],
        ),
    ],
)
def test_what_is_singular_whatever_its_values_is_told_before_iterating(
    texts: list[str], faults: list[str], way: rs.LinearSolver
) -> None:
    system = build(texts, {"u": np.ones(200)}, {"c": 1.0})
    for _ in range(2):
        with pytest.raises(rs.InputError, match="singular whatever its values are") as caught:
            system.solve(np.ones(200), [1.0], rs.SolveOptions(linear_solver=way))
        assert caught.value.field == "equations"
        for fault in faults:
            assert fault in caught.value.message
