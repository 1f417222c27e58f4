"""Dense matrices too large for the caches: eliminated in panels, with pivots, and stopped on the way."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

LINEAR = "sum(A[i*n + j]*x[j] for j in range(n)) = b[i] for i in range(n)"
DENSE = rs.SolveOptions(method=rs.Method.NEWTON, linear_solver=rs.LinearSolver.DENSE)


@pytest.mark.parametrize("n", [63, 64, 71, 72, 95, 128, 131, 200])
@pytest.mark.parametrize("kind", ["regular", "reversed", "zero first"])
def test_a_linear_system_is_solved_in_one_step(n: int, kind: str) -> None:
    rng = np.random.default_rng(n)
    matrix = rng.normal(size=(n, n)) + 2.0 * np.eye(n)
    if kind == "reversed":
        matrix = matrix[::-1] * 10.0 ** rng.uniform(-8, 8, (n, 1))
    elif kind == "zero first":
        matrix[: n // 2, : n // 2] = 0.0
    right = matrix @ rng.normal(size=n)
    system = build(LINEAR, {"x": np.zeros(n)}, {"n": n, "A": matrix.ravel(), "b": right})
    solution = system.solve(np.zeros(n), np.concatenate((matrix.ravel(), right)), DENSE)
    assert (solution.status, solution.linear_solver) == (rs.Status.CONVERGED, "dense LU")
    assert solution.iterations <= 2
    exact = _refined(matrix, right)
    assert np.abs(solution.x - exact).max() <= 1e-11 * np.linalg.cond(matrix / np.abs(matrix).max(axis=1)[:, None])


def _refined(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution by LAPACK, its remainder computed in extended precision."""
    x = np.linalg.solve(matrix, right).astype(np.longdouble)
    for _ in range(3):
        x += np.linalg.solve(matrix, (right - matrix.astype(np.longdouble) @ x).astype(float))
    return x.astype(float)


def test_a_singular_matrix_is_found_to_be_so() -> None:
    n = 100
    matrix = np.random.default_rng(0).normal(size=(n, n))
    matrix[n - 1] = matrix[: n - 1].sum(axis=0)
    right = np.arange(1.0, n + 1)
    system = build(LINEAR, {"x": np.zeros(n)}, {"n": n, "A": matrix.ravel(), "b": right})
    solution = system.solve(np.zeros(n), np.concatenate((matrix.ravel(), right)), DENSE)
    assert solution.status is not rs.Status.CONVERGED
    assert solution.regularized_steps > 0 or solution.status is rs.Status.SINGULAR


@pytest.mark.alone
def test_what_takes_seconds_inside_a_step_is_stopped_there() -> None:
    # With more equations than variables every step is one of least squares.
    n = 900
    text = "x[i % n] + c*sum(x[j]*x[j]/(i + j + 2) for j in range(n))/n - 1 for i in range(n + 50)"
    system = build(text, {"x": np.ones(n)}, {"n": n, "c": 0.9})
    options = rs.SolveOptions(method=rs.Method.LEVENBERG_MARQUARDT, linear_solver=rs.LinearSolver.DENSE)
    began = time.perf_counter()
    assert system.solve(np.ones(n), [0.9], options).status is rs.Status.LEAST_SQUARES
    assert time.perf_counter() - began > 1.0
    delays = []
    for wait in (0.1, 0.2, 0.3):
        flag, at = _set_after(wait)
        solution = system.solve(np.ones(n), [0.9], options, cancel=flag)
        assert solution.status is rs.Status.CANCELLED
        delays.append(time.perf_counter() - at[0])
    # J is evaluated once more, at the point that is returned.
    assert min(delays) < 0.1


def _set_after(seconds: float) -> tuple[rs.CancelFlag, list[float]]:
    """Return a flag that is set so much later, and where the time of that will be."""
    flag, at = rs.CancelFlag(), [0.0]

    def act() -> None:
        at[0] = time.perf_counter()
        flag.set()

    threading.Timer(seconds, act).start()
    return flag, at
