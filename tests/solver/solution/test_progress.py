"""A solve says how far it has come: first, last, and at a bearable pace between."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.solution import progress

from tests.solver.building import build

BROYDEN = "(3 - 2*x[i])*x[i] - (x[i-1] if i > 0 else 0) - (2*x[i+1] if i < n-1 else 0) + 1 for i in range(n)"
N = 40
ENGINES = {"families": rs.Limits(equations=1), "written out": rs.Limits()}
SPARSE = rs.SolveOptions(linear_solver=rs.LinearSolver.KRYLOV)


@pytest.fixture(params=ENGINES)
def system(request: pytest.FixtureRequest) -> rs.System:
    return build(BROYDEN, {"x": -np.ones(N)}, {"n": N}, limits=ENGINES[request.param])


def told(system: rs.System, **how: Any) -> tuple[list[rs.Progress], rs.Solution]:
    said: list[rs.Progress] = []
    solution = system.solve(-np.ones(N), on_progress=said.append, **how)
    return said, solution


def test_the_first_and_the_last_iteration_are_always_told(system: rs.System) -> None:
    said, solution = told(system)
    first, last = said[0], said[-1]
    assert solution.converged
    assert first.iteration == 0
    assert first.residual_norm == pytest.approx(np.max(np.abs(system.residual(-np.ones(N)))))
    assert (last.iteration, last.method) == (solution.iterations, solution.method)
    assert last.residual_norm == solution.residual_norm
    assert last.scaled_residual == np.max(solution.scaled_residual) < 1e-12 < first.scaled_residual
    assert [each.iteration for each in said] == sorted({each.iteration for each in said})
    assert last.linear_solver == "dense LU"
    assert math.isnan(last.linear_seconds)


def test_linear_systems_are_told_of(system: rs.System) -> None:
    said, _ = told(system, options=SPARSE)
    assert "GMRES" in said[-1].linear_solver
    assert 0.0 < said[-1].linear_seconds < said[-1].seconds


def test_a_start_that_is_a_root_is_told_once(system: rs.System) -> None:
    root = system.solve(-np.ones(N)).x
    said: list[rs.Progress] = []
    system.solve(root, on_progress=said.append)
    assert [each.iteration for each in said] == [0]


def test_fast_iterations_are_told_at_a_bearable_pace(system: rs.System, monkeypatch: pytest.MonkeyPatch) -> None:
    system = build("x[i]**2 + 1 for i in range(9)", {"x": np.ones(9)}, limits=system.limits)
    options = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=300)
    said: list[rs.Progress] = []
    start = np.linspace(0.5, 0.7, 9)
    solution = system.solve(start, options=options, on_progress=said.append)
    assert solution.status is rs.Status.ITERATION_LIMIT
    assert len(said) <= 2 + solution.elapsed_seconds / 0.1
    # By a clock that goes a second a look, each is due; the engine is asked between slices alone.
    monkeypatch.setattr(progress.time, "monotonic", map(float, itertools.count()).__next__)
    said.clear()
    system.solve(start, options=options, on_progress=said.append)
    assert said[0].iteration == 0
    assert said[-1].iteration == 300


def test_what_the_listener_raises_ends_the_solve(system: rs.System) -> None:
    said: list[rs.Progress] = []

    def listen(each: rs.Progress) -> None:
        said.append(each)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        system.solve(-np.ones(N), on_progress=listen)
    assert len(said) == 1
    assert system.solve(-np.ones(N)).converged


def test_a_listener_changes_nothing(system: rs.System) -> None:
    said, solution = told(system)
    plain = system.solve(-np.ones(N))
    np.testing.assert_array_equal(solution.x, plain.x)
    assert (solution.iterations, solution.evaluations) == (plain.iterations, plain.evaluations)
    traced_and_told, traced = told(system, trace=True)
    assert traced.trace is not None
    assert traced_and_told[0].scaled_residual == traced.trace[0].scaled_residual
    assert said[0].residual_norm == traced_and_told[0].residual_norm
