"""Batches give what single solves give, whichever way a member goes; a member never touches its neighbour."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.batch import choice, newton_lanes
from raphson_solver.compiler.width import Width, widest

from tests.solver.building import build

ARM = ["l1*cos(a) + l2*cos(a+b) = px", "l1*sin(a) + l2*sin(a+b) = py"]
RNG = np.random.default_rng(5)
PROBLEMS = json.loads((Path(__file__).parents[2] / "problems" / "standard.json").read_text())


@pytest.fixture(autouse=True)
def _code_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches go through the lanes from the first member on."""
    monkeypatch.setattr(choice, "_MAKING", 0.0)
    monkeypatch.setattr(choice, "_MAKING_NODE", 0.0)


def arm(count: int) -> tuple[rs.System, dict[str, np.ndarray | float]]:
    a, b = RNG.uniform(0.2, 1.2, count), RNG.uniform(0.3, 1.5, count)
    given = {"l1": 1.0, "l2": 0.8, "px": np.cos(a) + 0.8 * np.cos(a + b), "py": np.sin(a) + 0.8 * np.sin(a + b)}
    return build(ARM, {"a": 0.5, "b": 0.7}, dict.fromkeys(given, 0.0)), given


def test_members_are_what_single_solves_are() -> None:
    system, given = arm(500)
    batch = system.solve_batch({"a": 0.7, "b": 0.9}, given)
    assert len(batch) == 500
    assert batch.converged.all()
    for member in range(0, 500, 7):
        p = [1.0, 0.8, given["px"][member], given["py"][member]]
        single = system.solve([0.7, 0.9], p)
        np.testing.assert_allclose(batch.x[member], single.x, rtol=1e-12)
        assert batch.iterations[member] == single.iterations
        assert batch.residual_norm[member] < 4e-12  # terms of size 1 to 2, at 1e-12 of each
    np.testing.assert_array_equal(batch["a"], batch.x[:, 0])


@pytest.mark.parametrize("width", [Width(lanes) for lanes in (2, 4, 8) if lanes <= widest().lanes], ids=str)
def test_nothing_depends_on_order_threads_or_how_many(width: Width, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton_lanes, "widest", lambda: width)
    system, given = arm(9000)
    rows = np.stack([np.broadcast_to(each, 9000) for each in given.values()], axis=1)
    whole = system.solve_batch([0.7, 0.9], rows, threads=1)
    for threads in (2, 3):
        again = system.solve_batch([0.7, 0.9], rows, threads=threads)
        np.testing.assert_array_equal(again.x, whole.x)
        np.testing.assert_array_equal(again.status, whole.status)
    order = RNG.permutation(9000)
    np.testing.assert_array_equal(system.solve_batch([0.7, 0.9], rows[order]).x, whole.x[order])
    for count in (64, 65, 71, 4097):
        np.testing.assert_array_equal(system.solve_batch([0.7, 0.9], rows[:count]).x, whole.x[:count])


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["name"])
def test_every_standard_problem_is_solved_in_a_batch_too(problem: dict[str, list[float] | list[str] | str]) -> None:
    start = np.array(problem["start"])
    system = build(problem["equations"], [f"x{k + 1}" for k in range(start.size)])
    starts = np.concatenate((start[None], start * RNG.uniform(0.999, 1.001, (66, start.size))))
    batch = system.solve_batch(starts, threads=1)
    assert batch.status[0] == rs.Status.CONVERGED
    for member in (0, 3, 66):
        single = system.solve(starts[member])
        assert batch.status[member] == single.status
        # A problem of many roots may be led to another by the last digit of a step.
        residual = system.residual(batch.x[member])
        assert not batch.converged[member] or np.max(np.abs(residual)) <= 1e-6 * max(
            1.0, np.max(np.abs(system.residual(starts[member])))
        )


def test_a_member_without_a_root_or_a_number_is_a_row_with_a_status() -> None:
    system = build("x**2 = r", {"x": 1.0}, {"r": 1.0})
    r = np.linspace(1, 2, 100)
    r[[3, 50]] = -1.0, np.nan
    r[99] = np.inf
    batch = system.solve_batch([1.0], {"r": r}, rs.SolveOptions(max_iterations=50))
    good = np.delete(np.arange(100), [3, 50, 99])
    assert batch.converged[good].all()
    np.testing.assert_allclose(batch.x[good, 0] ** 2, r[good], rtol=4e-12)  # what the tolerance allows
    assert not batch.converged[3]
    assert list(batch.status[[50, 99]]) == [rs.Status.DOMAIN_ERROR] * 2
    assert "converged" in str(batch)


def test_escapes_and_flat_points_are_no_roots() -> None:
    for text in ("x - sqrt(x**2 + 1)", "exp(x)", "1/x", "x**2 + 1", "arctan(x) - 2", "tanh(x) - 1.5"):
        batch = build(text, ["x"]).solve_batch(
            RNG.normal(size=(200, 1)) * 10.0 ** RNG.uniform(-3, 12, (200, 1)),
            options=rs.SolveOptions(max_iterations=60),
        )
        assert not batch.converged.any(), text


def test_pivots_that_do_not_suit_a_member_leave_it_to_the_engine() -> None:
    # The order is chosen where the first entry is large; for the last members it is tiny.
    system = build(["p*x + y = 1", "x + y = 2"], ["x", "y"], ["p"])
    p = np.full(100, 5.0)
    p[-2:] = 1e-20, 0.0
    batch = system.solve_batch([0.0, 0.0], p[:, None])
    assert batch.converged.all()
    np.testing.assert_allclose(batch.x[:, 0], 1.0 / (1.0 - p), rtol=1e-12)


@pytest.mark.parametrize(
    ("texts", "names"),
    [(["x + y = 1", "x - y = 2", "x = 1.4"], ["x", "y"]), ([f"x{k}**2 = {k + 1}" for k in range(130)], None)],
)
def test_systems_that_lanes_do_not_take(texts: list[str], names: list[str] | None) -> None:
    names = names or [f"x{k}" for k in range(130)]
    system = build(texts, names)
    batch = system.solve_batch(np.ones((70, len(names))), threads=1)
    single = system.solve(np.ones(len(names)))
    assert set(batch.status) == {int(single.status)}
    np.testing.assert_allclose(batch.x[5], single.x, rtol=1e-12)


@pytest.mark.parametrize("width", [Width(lanes) for lanes in (2, 4, 8) if lanes <= widest().lanes], ids=str)
@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 200])
def test_starts_of_their_own_and_any_number_of_members(
    width: Width, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes get members one by one, each with its start."""
    monkeypatch.setattr(newton_lanes, "widest", lambda: width)
    monkeypatch.setattr(choice, "_FEWEST", 1)
    system = build(["exp(x) + y = p + 1", "x - y = 0.1*sin(x)"], ["x", "y"], ["p"])
    starts, p = RNG.uniform(0.5, 2.0, (count, 2)), RNG.uniform(1.0, 3.0, (count, 1))
    batch = system.solve_batch(starts, p)
    assert batch.converged.all()
    for member in range(count):
        single = system.solve(starts[member], p[member])
        np.testing.assert_allclose(batch.x[member], single.x, rtol=1e-11)
        assert batch.iterations[member] == single.iterations


def test_an_equation_that_its_pivot_alone_does_not_hear() -> None:
    """At the root x is 0 and carries the pivot; y is what the equation hears."""
    system = build(["3*x + y = p", "x + x*y = 0"], ["x", "y"], ["p"])
    p = np.linspace(1.0, 2.0, 100)[:, None]
    batch = system.solve_batch([0.0, 0.5], p)
    assert batch.converged.all()
    np.testing.assert_allclose(batch.x, np.hstack((np.zeros_like(p), p)), atol=1e-15)


def test_what_is_raised_between_ends_the_work() -> None:
    system, given = arm(200_000)
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system.solve_batch([0.7, 0.9], given, threads=1, between=stop)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        system.solve_batch([0.7, 0.9], given, threads=2, between=stop)


@pytest.mark.parametrize(
    ("start", "parameters", "field"),
    [
        ([1.0, 2.0], {"r": 1.0}, "start"),
        ({"x": np.ones(3)}, {"r": np.ones(4)}, "parameters"),
        ({"x": np.ones((3, 2))}, {"r": 1.0}, "start"),
        ({"x": [1.0, np.nan]}, {"r": 1.0}, "start.x"),
        ({"x": 1.0, "y": 1.0}, {"r": 1.0}, "start.y"),
        ({"x": 1.0}, {}, "parameters.r"),
    ],
)
def test_bad_input(start: object, parameters: object, field: str) -> None:
    system = build("x**2 = r", {"x": 1.0}, {"r": 1.0})
    with pytest.raises(rs.InputError) as caught:
        system.solve_batch(start, parameters)
    assert caught.value.field == field


def test_a_first_batch_without_a_finite_jacobian_spoils_nothing() -> None:
    system = build("log(x) = p", ["x"], ["p"])
    assert not system.solve_batch(np.full((70, 1), 0.0), np.full((70, 1), np.nan)).converged.any()
    batch = system.solve_batch([1.5], np.linspace(0.1, 1.0, 100)[:, None])
    assert batch.converged.all()


ENDLESS = ["x**2 + y**2 + p", "x*y - 1"]
FOR_LONG = rs.SolveOptions(max_iterations=50_000_000)
MANY = np.linspace(1, 2, 20_000)[:, None]


def test_a_flag_ends_members_under_way() -> None:
    system = build(ENDLESS, ["x", "y"], ["p"])
    flag = rs.CancelFlag()
    timer = threading.Timer(0.2, flag.set)
    timer.start()
    began = time.monotonic()
    batch = system.solve_batch([1.0, 2.0], MANY, FOR_LONG, threads=2, cancel=flag)
    timer.join()
    assert time.monotonic() - began < 10.0
    assert not batch.converged.any()
    assert np.count_nonzero(batch.status == rs.Status.CANCELLED) > 10_000
    np.testing.assert_array_equal(batch.x[-1], [1.0, 2.0])


def test_an_interrupt_ends_members_under_way_in_other_threads() -> None:
    system = build(ENDLESS, ["x", "y"], ["p"])
    began = time.monotonic()

    def interrupt() -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system.solve_batch([1.0, 2.0], MANY, FOR_LONG, threads=2, between=interrupt)
    assert time.monotonic() - began < 10.0


def test_the_limit_of_steps_holds_for_members_that_were_looked_at_again() -> None:
    """At the root x is 0 and its pivot tells nothing; two steps are needed, and one is allowed."""
    system = build(["3*x + y**2 = p", "x + x*y = 0"], ["x", "y"], ["p"])
    batch = system.solve_batch(
        [0.0, 0.5], np.linspace(1.0, 2.0, 100)[:, None], rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=1)
    )
    assert not batch.converged.any()
    assert batch.iterations.max() <= 1
