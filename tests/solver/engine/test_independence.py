"""No solve depends on another: before it, beside it in other threads, refused or cancelled."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

TEXTS = ["x**2 + y**2 = r**2", "exp(x) + y*r = 1"]


def fingerprint(solution: rs.Solution) -> tuple[object, ...]:
    return (
        solution.status,
        solution.x.tobytes(),
        solution.residual.tobytes(),
        solution.scaled_residual.tobytes(),
        solution.iterations,
        solution.evaluations,
        solution.jacobian_evaluations,
        solution.method,
    )


EXTREMES = [0.0, 1.0, -1.0, 2.0, 1e16, 6e16, 1e71, 1e284, -1e300, 1e308, 1e-300, 5e-324, 3.0, 0.5]


@pytest.mark.parametrize(
    ("texts", "method"),
    [
        (["x**2 = a", "x*y = b", "x*z = c"], rs.Method.AUTO),
        (["x*y*z = a", "x**2 - y = b", "exp(z) + x = c"], rs.Method.AUTO),
        *((["x*y + z = a", "x**2 - y = b", "z**3 + x = c"], method) for method in METHODS),
    ],
)
def test_used_memory_is_as_good_as_new(texts: list[str], method: rs.Method) -> None:
    """What the solve before it left must not matter, however badly that ended."""
    system = rs.compile(texts, ["x", "y", "z"], ["a", "b", "c"])
    options = rs.SolveOptions(method=method)
    random = np.random.default_rng(0)
    idle = system.prepare(options).idle
    for _ in range(150):
        numbers = np.where(random.random(6) < 0.6, random.choice(EXTREMES, 6), random.uniform(-10, 10, 6))
        x, p = numbers[:3], numbers[3:]
        used = fingerprint(system.solve(x, p, options))
        idle.clear()
        new = fingerprint(system.solve(x, p, options))
        again = fingerprint(system.solve(x, p, options))
        assert used == new == again


def test_eight_threads_solve_one_system_as_one_does() -> None:
    system = rs.compile(TEXTS, ["x", "y"], ["r"])
    radii = np.linspace(0.5, 20.0, 800)
    serial = [fingerprint(system.solve([1.0, -1.7], [r])) for r in radii]
    assert len(set(serial)) > 100
    got: list[tuple[object, ...]] = [()] * len(radii)

    def work(first: int) -> None:
        for number in range(first, len(radii), 8):
            got[number] = fingerprint(system.solve([1.0, -1.7], [radii[number]]))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == serial


def test_threads_with_different_options_do_not_meet() -> None:
    system = rs.compile(TEXTS, ["x", "y"], ["r"])
    choices = [
        rs.SolveOptions(method=method, jacobian=mode, tolerance=tolerance)
        for method in METHODS
        for mode in (rs.JacobianMode.EXACT, rs.JacobianMode.CENTRAL)
        for tolerance in (1e-6, 1e-8, 1e-10, 1e-12)  # more than are kept ready
    ]
    expected = [fingerprint(system.solve([1.0, -1.7], [2.0], options)) for options in choices]
    wrong: list[int] = []

    def work(seed: int) -> None:
        wrong.extend(
            number
            for number in np.random.default_rng(seed).integers(len(choices), size=200)
            if fingerprint(system.solve([1.0, -1.7], [2.0], choices[number])) != expected[number]
        )

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_evaluate_while_others_make_kernels() -> None:
    system = build("u[i]**3 - sum(u) for i in range(6)", {"u": np.ones(6)})
    x, v = np.linspace(0.1, 2.0, 6), np.linspace(-1.0, 1.0, 6)
    expected = np.diag(3 * x**2) - 1.0
    results: list[bool] = []

    def work(kind: int) -> None:
        match kind % 4:
            case 0:
                results.append(np.allclose(system.jacobian(x), expected))
            case 1:
                results.append(np.allclose(system.jvp(x, v), expected @ v))
            case 2:
                results.append(np.allclose(system.vjp(x, v), v @ expected))
            case _:
                results.append(np.allclose(system.residual(x), x**3 - x.sum()))

    threads = [threading.Thread(target=work, args=(kind,)) for kind in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 16


def test_no_solve_remembers_the_one_before() -> None:
    system = build(TEXTS, ["x", "y"], ["r"])
    cases = [
        ([1.0, -1.7], [2.0], rs.SolveOptions()),
        ([20.0, -30.0], [2.0], rs.SolveOptions()),
        ([0.0, 0.0], [0.0], rs.SolveOptions(max_iterations=3)),
        ([1.0, -1.7], [2.0], rs.SolveOptions(method=rs.Method.LEVENBERG_MARQUARDT)),
        ([1.0, -1.7], [5.0], rs.SolveOptions(jacobian=rs.JacobianMode.FORWARD, method=rs.Method.NEWTON)),
        ([709.0, 1.0], [1.0], rs.SolveOptions(method=rs.Method.LINE_SEARCH)),
    ]
    alone = [fingerprint(rs.System(system.definition, rs.Limits(), compile_now=False).solve(*case)) for case in cases]
    for order in itertools.permutations(range(len(cases)), 3):
        for number in order:
            assert fingerprint(system.solve(*cases[number])) == alone[number]


def test_an_answer_does_not_change_when_the_system_is_used_again() -> None:
    system = build("x**2 = r", ["x"], ["r"])
    first = system.solve([1.0], [4.0])
    before = fingerprint(first)
    system.solve([1.0], [9.0])
    assert fingerprint(first) == before
    assert first["x"] == pytest.approx(2.0, rel=1e-12)


def test_start_and_parameters_are_not_written_to() -> None:
    start, parameters = np.array([1.0, -1.7]), np.array([2.0])
    system = build(TEXTS, ["x", "y"], ["r"])
    for mode in (rs.JacobianMode.EXACT, rs.JacobianMode.CENTRAL):
        system.solve(start, parameters, rs.SolveOptions(jacobian=mode))
        system.jacobian(start, parameters, mode)
    assert start.tolist() == [1.0, -1.7]
    assert parameters.tolist() == [2.0]


@pytest.mark.parametrize(
    ("start", "parameters", "field", "message"),
    [
        (np.array([np.nan, 1.0]), np.array([2.0]), "start", "expected finite numbers, found nan at place 0"),
        (np.array([1.0, -np.inf]), np.array([2.0]), "start", "expected finite numbers, found -inf at place 1"),
        (np.array([1.0, 1.0]), np.array([np.nan]), "parameters", "expected finite numbers, found nan at place 0"),
        ({"x": 1.0, "y": np.nan}, {"r": 2.0}, "start.y", "expected finite numbers, found nan"),
        ({"x": 1.0, "y": 1.0}, {"r": np.inf}, "parameters.r", "expected finite numbers, found inf"),
    ],
)
def test_what_is_not_finite_is_refused_and_the_system_works_on(
    start: object, parameters: object, field: str, message: str
) -> None:
    system = build(TEXTS, ["x", "y"], ["r"])
    expected = fingerprint(system.solve([1.0, -1.7], [2.0]))
    for _ in range(3):
        with pytest.raises(rs.InputError) as caught:
            system.solve(start, parameters)
        assert (caught.value.field, caught.value.message) == (field, message)
        assert fingerprint(system.solve([1.0, -1.7], [2.0])) == expected
