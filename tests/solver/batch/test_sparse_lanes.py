"""Members of large systems, eight side by side: to the bit what single solves are, whatever stands beside them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.batch.newton_lanes import Results
from raphson_solver.batch.sparse_lanes import SparseLanes
from raphson_solver.engine.eights_newton import LEFT, NEAR, RIGHT
from raphson_solver.solution import prepared

from tests.solver.building import build

RNG = np.random.default_rng(11)
N = 60
# Conductances to ground that depend on the potential, in a ring with chords; currents flow in.
RING = (
    "g[i]*(x[i] - x[(i+1) % n]) + g[(i+n-1) % n]*(x[i] - x[(i+n-1) % n])"
    " + x[i]**3 + x[i] - 0.3*sin(x[(i*7+3) % n]) = c[i] for i in range(n)"
)
BRATU = ["u[0] = 0", "u[i-1] - 2*u[i] + u[i+1] + h**2*c*exp(u[i]) = 0 for i in range(1, n-1)", "u[n-1] = 0"]
AS_FAMILIES = rs.Limits(equations=1)
written_or_not = pytest.mark.parametrize("limits", [AS_FAMILIES, rs.Limits()], ids=["families", "written out"])


@pytest.fixture(params=[False, True], ids=["one after another", "side by side"], autouse=True)
def _code_beside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate members one after another, or by code for all that has paid from the first member on."""
    monkeypatch.setattr(prepared, "_MAKING", 0.0 if request.param else 1e9)
    monkeypatch.setattr(prepared, "_MAKING_CHARACTER", 0.0)


def ring(limits: rs.Limits = AS_FAMILIES) -> rs.System:
    system = build(RING, {"x": np.zeros(N)}, {"n": N, "g": np.ones(N), "c": np.ones(N)}, limits=limits)
    assert (system.family_codes is not None) == (limits is AS_FAMILIES)
    return system


def loads(count: int, size: float = 5.0) -> dict[str, Any]:
    return {"g": RNG.uniform(0.5, 2.0, N), "c": size * RNG.normal(size=(count, N))}


def lanes(system: rs.System, options: rs.SolveOptions = rs.SolveOptions()) -> SparseLanes | None:  # noqa: B008
    return SparseLanes.of(system.prepare(options), options, 8)


def check_alike(
    system: rs.System, batch: rs.BatchSolution, starts: np.ndarray, p: np.ndarray, options: rs.SolveOptions
) -> None:
    """Check that members are what single solves are, to the bit."""
    for member in range(len(batch)):
        single = system.solve(starts[member % len(starts)], p[member], options)
        assert batch.status[member] == single.status
        assert batch.x[member].tobytes() == single.x.tobytes()
        assert batch.iterations[member] == single.iterations
        assert batch.residual_norm[member] == np.max(np.abs(single.residual))


def rows(system: rs.System, given: dict[str, Any], count: int) -> np.ndarray:
    return np.stack([
        system.pack_parameters({name: value[k] if np.ndim(value) == 2 else value for name, value in given.items()})
        for k in range(count)
    ])  # fmt: skip


def verdicts(system: rs.System, starts: np.ndarray, p: np.ndarray, options: rs.SolveOptions) -> np.ndarray:
    """Return what the lanes alone say of members."""
    system.solve(starts[0], p[0], options)
    found, count = lanes(system, options), len(p)
    assert found is not None
    made = Results(np.empty((count, system.n)), np.empty(count), np.empty(count, np.int32), np.empty(count, np.int8))
    found.run(starts, p, np.array([options.tolerance, options.absolute_tolerance]), made, rs.CancelFlag())
    return made.verdict


@written_or_not
@pytest.mark.parametrize("count", [8, 9, 31, 200])
def test_members_are_single_solves_to_the_bit(count: int, limits: rs.Limits) -> None:
    system, given = ring(limits), loads(count)
    # Not block by block, which lanes do not go.
    options = rs.SolveOptions(whole=True)
    p, start = rows(system, given, count), np.zeros((1, N))
    batch = system.solve_batch(start[0], p, options)
    assert batch.converged.all()
    check_alike(system, batch, start, p, options)
    # It was the lanes that solved them, in different numbers of steps.
    assert np.all(verdicts(system, start, p, options) == RIGHT)
    assert count < 31 or len(set(batch.iterations.tolist())) > 1


@pytest.mark.parametrize("tolerance", [1e-12, 1e-9, 1e-4])
@pytest.mark.parametrize("method", [rs.Method.AUTO, rs.Method.NEWTON])
def test_whatever_the_tolerance(method: rs.Method, tolerance: float) -> None:
    system = build(BRATU, {"u": np.zeros(200)}, {"n": 200, "h": 1 / 199, "c": 1.0}, limits=AS_FAMILIES)
    options = rs.SolveOptions(method=method, tolerance=tolerance)
    p = np.array([[1 / 199, c] for c in np.linspace(0.1, 3.4, 40)])
    batch = system.solve_batch(np.zeros(200), p, options)
    assert batch.converged.all()
    check_alike(system, batch, np.zeros((1, 200)), p, options)


def test_nothing_depends_on_neighbours_order_or_threads() -> None:
    system, given = ring(), loads(150)
    p, starts = rows(system, given, 150), RNG.normal(size=(150, N))
    whole = system.solve_batch(starts, p, threads=1)
    for threads in (2, 3):
        np.testing.assert_array_equal(system.solve_batch(starts, p, threads=threads).x, whole.x)
    order = RNG.permutation(150)
    moved = system.solve_batch(starts[order], p[order])
    np.testing.assert_array_equal(moved.x, whole.x[order])
    np.testing.assert_array_equal(moved.iterations, whole.iterations[order])
    check_alike(system, whole, starts, p, rs.SolveOptions())


def test_members_that_are_not_so_simple_are_the_engines() -> None:
    """Beside each other: no root, a start outside the domain, a singular Jacobian, no number, and plain ones."""
    system = build(
        "log(x[i]) + a*x[(i+1) % n] + b*(x[i] - x[i]) - c = 0 for i in range(n)",
        {"x": np.ones(50)},
        {"n": 50, "a": 1.0, "b": 0.0, "c": 1.0},
        limits=AS_FAMILIES,
    )
    ordinary = np.tile([1.0, 0.0, 1.0], (20, 1))
    p = ordinary.copy()
    starts = np.full((20, 50), 1.5)
    p[3, 2], p[5, 0] = np.nan, np.inf
    starts[7], starts[8] = -1.0, 1e-300
    p[11] = [-1.0, 0.0, 5.0]
    p[12] = [0.0, 0.0, 2.0]
    # J of entries 1/x + a where that is zero, in the first step.
    p[15], starts[15] = [-1.0, 0.0, -1.0], 1.0
    batch = system.solve_batch(starts, p)
    for member in range(20):
        if not np.isfinite(p[member]).all():
            assert batch.status[member] == rs.Status.DOMAIN_ERROR
            continue
        single = system.solve(starts[member], p[member])
        assert batch.status[member] == single.status
        assert batch.x[member].tobytes() == single.x.tobytes()
        assert batch.iterations[member] == single.iterations
    assert batch.converged[[0, 1, 2, 4, 6, 9, 10, 12, 13, 14, 16]].all()
    assert not batch.converged[[3, 5, 11]].any()
    found = verdicts(system, starts, p, rs.SolveOptions())
    assert found[0] == RIGHT
    assert np.all(found[[3, 5, 7, 11]] == LEFT)


def test_a_first_member_without_numbers_spoils_nothing() -> None:
    system = build(BRATU, {"u": np.zeros(77)}, {"n": 77, "h": 1 / 76, "c": 1.0}, limits=AS_FAMILIES)
    p = np.tile([1 / 76, 1.0], (16, 1))
    p[0] = np.nan
    batch = system.solve_batch(np.zeros(77), p)
    assert batch.status[0] == rs.Status.DOMAIN_ERROR
    assert batch.converged[1:].all()
    assert not system.solve_batch(np.zeros(77), np.full((16, 2), np.nan)).converged.any()


def test_a_point_that_passes_by_effects_alone_is_the_engines_to_judge() -> None:
    """Terms of 1e-9 beside differences of x as large as 1: rounding of x leaves more than the terms may."""
    system = build(
        ["(x[i] - x[(i+1) % n])**3 + 1e-9*(x[i] - d[i]) = 0 for i in range(n)"],
        {"x": np.zeros(50)}, {"n": 50, "d": np.ones(50)}, limits=AS_FAMILIES,
    )  # fmt: skip
    p = 1e6 * (1.0 + 1e-3 * RNG.random((24, 50)))
    start = np.full((1, 50), 1e6)
    options = rs.SolveOptions()
    found = verdicts(system, start, p, options)
    batch = system.solve_batch(start[0], p, options)
    for member in range(24):
        single = system.solve(start[0], p[member])
        assert batch.status[member] == single.status
        np.testing.assert_allclose(batch.x[member], single.x, rtol=1e-12)
        assert batch.iterations[member] <= single.iterations + (found[member] == NEAR)


def test_limits_of_steps_hold() -> None:
    system, given = ring(), loads(30, 50.0)
    p = rows(system, given, 30)
    for method in (rs.Method.AUTO, rs.Method.NEWTON):
        for limit in (1, 4, 6, 50):
            options = rs.SolveOptions(method=method, max_iterations=limit)
            batch = system.solve_batch(np.zeros(N), p, options)
            assert batch.iterations.max() <= limit
            check_alike(system, batch, np.zeros((1, N)), p, options)


def test_which_options_go_elsewhere() -> None:
    system, given = ring(), loads(9)
    p = rows(system, given, 9)
    for options in (
        rs.SolveOptions(method=rs.Method.LINE_SEARCH),
        rs.SolveOptions(linear_solver=rs.LinearSolver.KRYLOV),
        rs.SolveOptions(linear_solver=rs.LinearSolver.DENSE),
    ):
        batch = system.solve_batch(np.zeros(N), p, options)
        assert batch.converged.all()
        assert lanes(system, options) is None
        check_alike(system, batch, np.zeros((1, N)), p, options)


def test_a_flag_and_a_deadline_leave_the_rest() -> None:
    system, given = ring(), loads(64)
    p = rows(system, given, 64)
    flag = rs.CancelFlag()
    flag.set()
    batch = system.solve_batch(np.zeros(N), p, cancel=flag)
    assert np.all(batch.status == rs.Status.CANCELLED)
    np.testing.assert_array_equal(batch.x, np.zeros((64, N)))
    began = time.monotonic()
    hasty = system.solve_batch(np.zeros(N), p, rs.SolveOptions(timeout_seconds=1e-9))
    assert set(hasty.status.tolist()) <= {int(rs.Status.TIME_LIMIT)}
    assert time.monotonic() - began < 5.0


def test_a_solve_that_is_over_before_it_begins_says_so() -> None:
    system, given = ring(), loads(1)
    (p,) = rows(system, given, 1)
    assert system.solve(np.zeros(N), p).converged
    flag = rs.CancelFlag()
    flag.set()
    for options, cancel, status in (
        (rs.SolveOptions(timeout_seconds=1e-9), None, rs.Status.TIME_LIMIT),
        (rs.SolveOptions(), flag, rs.Status.CANCELLED),
    ):
        # Its memory is new, its order of pivots is known.
        system.prepare(options).idle.clear()
        assert system.solve(np.zeros(N), p, options, cancel).status == status


def test_what_is_raised_between_ends_the_work() -> None:
    system, given = ring(), loads(100)
    p = np.tile(rows(system, given, 100), (200, 1))
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    for threads in (1, 2):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            system.solve_batch(np.zeros(N), p, threads=threads, between=stop)
