"""Structure first: systems that fall into blocks are solved block by block, and judged as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

WHOLE = rs.SolveOptions(whole=True)
TRIANGULAR = (["x + y = 3", "exp(x) = 2", "z*y = x", "w**3 + z = y"], ["x", "y", "z", "w"])


def test_a_triangular_system_is_solved_one_equation_at_a_time() -> None:
    system = build(*TRIANGULAR)
    solution = system.solve([1.0, 1.0, 1.0, 1.0], trace=True)
    assert solution.converged
    np.testing.assert_allclose(solution.x[0], np.log(2.0), rtol=1e-12)
    np.testing.assert_allclose(solution.x, system.solve([1.0, 1.0, 1.0, 1.0], options=WHOLE).x, rtol=1e-12)
    assert solution.trace is not None
    # While x is being found the others wait where they started.
    assert solution.trace[0].x.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert all(step.x[3] == 1.0 for step in solution.trace[:3])


def test_where_the_whole_fails_blocks_need_not() -> None:
    """From here the whole system is singular; equation by equation it is nothing."""
    texts = ["exp(x[0]) = 2", "x[i] = x[i-1]**2 - 0.3 + 0.1*sin(x[i]) for i in range(1, 12)"]
    system = build(texts, {"x": np.zeros(12)})
    solution = system.solve(np.full(12, 3.0))
    assert solution.converged
    wanted = [np.log(2.0)]
    for _ in range(11):
        value = 0.0
        for _ in range(100):
            value = wanted[-1] ** 2 - 0.3 + 0.1 * np.sin(value)
        wanted.append(value)
    np.testing.assert_allclose(solution.x, wanted, rtol=1e-10)


def test_a_block_without_a_root_leaves_it_to_the_whole_and_says_so() -> None:
    solution = build(["x**2 = -1", "x + y = 1"], ["x", "y"]).solve([1.0, 1.0])
    assert not solution.converged
    assert solution.iterations <= rs.SolveOptions().max_iterations


def test_a_later_block_may_need_another_root_of_an_earlier_one() -> None:
    """x² = 4 from −1 gives −2, where log(x) is not defined; the system as a whole finds x = 2."""
    solution = build(["x**2 = 4", "log(x) + y = 0"], ["x", "y"]).solve([-1.0, 0.0])
    assert solution.converged
    np.testing.assert_allclose(solution.x, [2.0, -np.log(2.0)], rtol=1e-10)


@pytest.mark.parametrize("mode", [mode for mode in rs.JacobianMode if mode is not rs.JacobianMode.COMPLEX_STEP])
def test_in_every_mode(mode: rs.JacobianMode) -> None:
    texts, names = TRIANGULAR
    jacobian = [["1", "1", "0", "0"], ["exp(x)", "0", "0", "0"], ["-1", "z", "y", "0"], ["0", "-1", "1", "3*w**2"]]
    system = build(texts, names, jacobian=jacobian)
    solution = system.solve([1.0] * 4, options=rs.SolveOptions(jacobian=mode))
    assert solution.converged
    np.testing.assert_allclose(solution.x, build(texts, names).solve([1.0] * 4, options=WHOLE).x, rtol=1e-9)


def test_bounds_and_parameters_reach_the_blocks() -> None:
    system = build(["x**2 = r", "y**2 = x + s[1]"], ["x", "y"], {"r": 4.0, "s": np.zeros(2)})
    given = {"r": 9.0, "s": [0.0, 1.0]}
    for sign_x, sign_y in ((1, 1), (1, -1)):
        bounds = {"x": (0.0, 10.0) if sign_x > 0 else (-10.0, 0.0), "y": (0.0, 10.0) if sign_y > 0 else (-10.0, 0.0)}
        solution = system.solve([sign_x * 1.0, sign_y * 1.0], system.pack_parameters(given), bounds=bounds)
        assert solution.converged
        np.testing.assert_allclose(solution.x, [sign_x * 3.0, sign_y * 2.0], rtol=1e-12)
    np.testing.assert_allclose(system.solve([1.0, 1.0], system.pack_parameters(given | {"r": 64.0})).x, [8.0, 3.0])


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 60])
def test_the_iteration_limit_holds_over_all_blocks(limit: int) -> None:
    system = build(["x**2 = -1", "x + y = 1", "y*z = 2"], ["x", "y", "z"])
    solution = system.solve([1.0, 1.0, 1.0], options=rs.SolveOptions(max_iterations=limit))
    assert not solution.converged
    assert solution.iterations <= limit


def test_cancelling_and_deadlines_reach_the_blocks() -> None:
    system = build(*TRIANGULAR)
    flag = rs.CancelFlag()
    flag.set()
    assert system.solve([1.0] * 4, cancel=flag).status is rs.Status.CANCELLED
    timed = system.solve([1.0] * 4, options=rs.SolveOptions(timeout_seconds=1e-9))
    assert timed.status is rs.Status.TIME_LIMIT
    flag.clear()
    assert system.solve([1.0] * 4, cancel=flag).converged


def test_the_same_memory_serves_many_solves() -> None:
    system = build(["x**2 = r", "y + x = 5"], ["x", "y"], ["r"])
    for r in (4.0, 9.0, 16.0, 2.25):
        solution = system.solve(np.array([1.0, 1.0]), np.array([r]))
        assert solution.converged
        np.testing.assert_allclose(solution.x, [np.sqrt(r), 5 - np.sqrt(r)], rtol=1e-13)
    fails = system.solve(np.array([1.0, 1.0]), np.array([-1.0]))
    assert not fails.converged
    assert system.solve(np.array([1.0, 1.0]), np.array([4.0])).iterations < 10


def test_many_blocks_are_joined() -> None:
    n = 500
    system = build(["x[0] = 2", "x[i]**2 = x[i-1] + 1 for i in range(1, n)"], {"x": np.zeros(n)}, {"n": n})
    solution = system.solve(np.ones(n))
    assert solution.converged
    wanted = [2.0]
    for _ in range(n - 1):
        wanted.append(np.sqrt(wanted[-1] + 1))
    np.testing.assert_allclose(solution.x, wanted, rtol=1e-12)


def test_compiled_blocks_give_what_interpreted_ones_give() -> None:
    system = build(*TRIANGULAR)
    before = system.solve([1.0] * 4)
    system.compile()
    after = system.solve([1.0] * 4)
    assert before.x.tolist() == after.x.tolist()
    assert before.iterations == after.iterations
