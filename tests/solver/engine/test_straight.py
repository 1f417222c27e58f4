"""Code for whole steps: the engine's answers, to the last bit, whether or not there is such code yet."""

from __future__ import annotations

import time

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.solution import system as system_module

from tests.problems import Problem, standard_problems
from tests.solver.building import build
from tests.solver.engine.test_independence import fingerprint

# Full and sparse J, a singular root, pivots that move on the way, a start that leaves the domain, blocks, one variable.
NAMES = (
    "nls02_powell_singular", "nls05_helical_valley", "nls08_brown_almost_linear", "nls13_broyden_tri",
    "nls17_dennis_schnabel", "nls18_sample18", "nls20_scalar", "mgh01_rosenbrock_x100",
    "mgh03_powell_badly_scaled_x100", "mgh14_wood_x100", "mgh31_broyden_band_x10",
)  # fmt: skip
PROBLEMS = [problem for problem in standard_problems() if problem.name in NAMES]
OPTIONS = (
    rs.SolveOptions(),
    rs.SolveOptions(whole=True),
    rs.SolveOptions(method=rs.Method.NEWTON),
    rs.SolveOptions(max_iterations=3),
    rs.SolveOptions(max_evaluations=4),
    rs.SolveOptions(tolerance=1e-4, timeout_seconds=60.0),
)


def pair(equations: tuple[str, ...], names: tuple[str, ...]) -> tuple[rs.System, rs.System]:
    """Return a system twice: as it is, and to be given code."""
    definition = build(list(equations), list(names)).definition
    return tuple(rs.System(definition, rs.Limits(), compile_now=False) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_no_answer_tells_whether_there_is_code(problem: Problem) -> None:
    plain, coded = pair(problem.equations, problem.variables)
    start = np.array(problem.start, dtype=float)
    random = np.random.default_rng(7)
    size = start.size
    starts = [start, *(start * random.uniform(0.2, 3.0, size) + random.uniform(-1, 1, size) for _ in range(4))]
    coded.solve(start)
    coded.compile(whole_steps=True)
    assert coded.kernels.straight is not None
    for options in OPTIONS:
        for x in starts:
            assert fingerprint(coded.solve(x, None, options)) == fingerprint(plain.solve(x, None, options))
    flag = rs.CancelFlag()
    assert fingerprint(coded.solve(start, cancel=flag)) == fingerprint(plain.solve(start))
    flag.set()
    assert coded.solve(start, cancel=flag).status is rs.Status.CANCELLED
    traced = coded.solve(start, trace=True)
    assert traced.trace
    assert fingerprint(traced) == fingerprint(coded.solve(start))
    assert plain.kernels.straight is None


def test_the_code_is_what_solves() -> None:
    system, other = build("x**2 = 1681", "x"), build("x**2 = 1849", "x")
    for each in (system, other):
        each.compile(whole_steps=True)
    system.kernels.straight = other.kernels.straight
    assert system.solve([50.0]).x == pytest.approx([43.0])


def test_other_methods_and_jacobians_do_not_use_it() -> None:
    system = build("x**2 = 1687", "x")
    system.compile(whole_steps=True)
    for options in (
        rs.SolveOptions(method=rs.Method.LINE_SEARCH),
        rs.SolveOptions(jacobian=rs.JacobianMode.FORWARD),
        rs.SolveOptions(method=rs.Method.BROYDEN),
    ):
        found = system.solve([50.0], None, options)
        assert fingerprint(found) == fingerprint(build("x**2 = 1687", "x").solve([50.0], None, options))
        assert found.converged


def test_a_system_in_use_gets_it_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_module, "_PAYING_USES", 5)
    system = build(["x*y = p + 23", "x - y = p"], ["x", "y"], ["p"])
    x, p = np.array([5.0, 4.0]), np.array([1.0])
    first = [fingerprint(system.solve(x, p)) for _ in range(6)]
    deadline = time.monotonic() + 30.0
    while system.kernels.straight is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert system.kernels.straight is not None
    assert {fingerprint(system.solve(x, p)), *first} == {first[0]}


@pytest.mark.parametrize("n", [1, 2, 7, 8, 15, 16, 17])
def test_one_step_solves_linear_systems_of_any_order_of_rows(n: int) -> None:
    random = np.random.default_rng(n)
    matrix = random.normal(size=(n, n)) * 10.0 ** random.integers(-6, 7, size=(n, 1))
    right = matrix @ np.arange(1.0, n + 1.0)
    rows = (" + ".join(f"({value!r})*x[{j}]" for j, value in enumerate(row)) for row in matrix.tolist())
    equations = [f"{row} = {value!r}" for row, value in zip(rows, right.tolist(), strict=True)]
    system = build(equations, {"x": np.zeros(n)})
    plain = system.solve(np.ones(n), None, rs.SolveOptions(method=rs.Method.NEWTON))
    np.testing.assert_allclose(plain.x, np.arange(1.0, n + 1.0), rtol=1e-9)
    system.compile(whole_steps=True)
    coded = system.solve(np.ones(n), None, rs.SolveOptions(method=rs.Method.NEWTON))
    assert fingerprint(coded) == fingerprint(plain)
    # A full J of 15 is more code than is made.
    assert (system.kernels.straight is not None) == (n <= 8)


def test_parameters_and_bounds_are_kept_with_it() -> None:
    system = build(["x*log(x) = p"], ["x"], ["p"])
    plain = system.solve({"x": 2.0}, {"p": 1.0}, bounds={"x": (1, None)})
    system.compile(whole_steps=True)
    coded = system.solve({"x": 2.0}, {"p": 1.0}, bounds={"x": (1, None)})
    assert fingerprint(coded) == fingerprint(plain)
    free = system.solve(np.array([2.0]), np.array([1.0]))
    np.testing.assert_array_equal(free.p, [1.0])
    assert free.elapsed_seconds > 0.0
    assert free.active_bounds == ()
