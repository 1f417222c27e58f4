"""Searches of black boxes: what they find, what they refuse to call a root, and what holds whatever f answers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver import InputError, JacobianMode, Method, SolveOptions, Status
from raphson_solver.callback import CallbackProblem, Search, solve_callback
from raphson_solver.callback.step import newton_step
from raphson_solver.solution.local import local
from raphson_solver.solution.region import Bounds

from tests.problems import standard_problems
from tests.solver.building import build

NOTHING = np.empty(0)
# By mpmath at 50 digits.
ROOT = [1.0041687384746591, -1.7296372870258699]


def two(x: np.ndarray) -> np.ndarray:
    return np.array([x[0] ** 2 + x[1] ** 2 - 4, np.exp(x[0]) + x[1] - 1])


def slopes(x: np.ndarray) -> np.ndarray:
    return np.array([[2 * x[0], 2 * x[1]], [np.exp(x[0]), 1.0]])


@pytest.mark.parametrize("method", [Method.AUTO, Method.TRUST_REGION, Method.NEWTON])
@pytest.mark.parametrize("mode", [JacobianMode.FORWARD, JacobianMode.CENTRAL, JacobianMode.ANALYTIC])
def test_a_root_is_found_by_every_method_and_derivative(method: Method, mode: JacobianMode) -> None:
    found = solve_callback(two, [1.0, -1.7], SolveOptions(method=method, jacobian=mode), jacobian=slopes)
    assert found.status is Status.CONVERGED
    assert found.x == pytest.approx(ROOT, rel=1e-11)
    assert np.array_equal(found.residual, two(found.x))
    assert np.all(found.scaled_residual <= 1e-12)


def test_evaluations_are_counted_and_few() -> None:
    calls = 0

    def counted(x: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return two(x)

    found = solve_callback(counted, [1.0, -1.7])
    assert found.evaluations == calls <= 9
    assert found.jacobian_evaluations == 1


def test_no_standard_problem_is_called_solved_that_is_not() -> None:
    solved = 0
    for problem in standard_problems():
        system = build(problem.equations, problem.variables)
        found = solve_callback(lambda x, f=system.kernels.residual: f(x, NOTHING), problem.start)
        if found.converged:
            solved += 1
            # By the size of the terms in its text, which a black box does not show.
            assert local(system, found.x, NOTHING).passes(1e-10, 1e-18), problem.name
    assert solved >= 58


@pytest.mark.parametrize(
    ("function", "start"),
    [
        (lambda x: np.exp(-x), 1.0),
        (lambda x: x - np.sqrt(x * x + 1), 1.0),
        (lambda x: np.sin(x) + 1.5, 1e15),
        (lambda x: x * x + 1, 1.0),
        (lambda x: 0.0 * x, 1.0),
        (lambda x: np.sign(x - 0.3), 1.0),
        (lambda x: np.abs(x) + 1e-3, 1.0),
    ],
)
def test_what_has_no_root_converges_to_none(function: Callable[[np.ndarray], np.ndarray], start: float) -> None:
    with np.errstate(all="ignore"):
        assert not solve_callback(function, [start]).converged


def test_rounding_tells_the_size_of_terms_that_cancel() -> None:
    found = solve_callback(lambda x: np.array([x[0] * 1e6 - 1e12 + 2.5e5, x[0] - x[1]]), [1e6 + 3, 0.0])
    assert found.converged
    assert found.x == pytest.approx([1e6 - 0.25] * 2, rel=1e-13)


def test_rounding_excuses_no_noise() -> None:
    random = np.random.default_rng(1)
    found = solve_callback(lambda x: x * x - 2 + 1e-3 * random.standard_normal(1), [1.0])
    assert not found.converged


def test_it_backs_away_from_where_f_is_not_defined() -> None:
    with np.errstate(invalid="ignore"):
        found = solve_callback(lambda x: np.sqrt(x) - 1e-3, [5.0])
    assert found.converged
    assert found.x == pytest.approx([1e-6], rel=1e-9)


def test_a_start_outside_the_domain_is_said() -> None:
    found = solve_callback(lambda x: x * np.nan, [1.0])
    assert found.status is Status.DOMAIN_ERROR
    assert np.isnan(found.residual_norm)


def test_bounds_hold_and_are_named() -> None:
    def inside(x: np.ndarray) -> np.ndarray:
        assert 3.0 <= x[0] <= 9.0
        return x * x - 2

    found = solve_callback(inside, [5.0], bounds=([3.0], [9.0]))
    assert found.status is Status.LOCAL_MINIMUM
    assert found.active_bounds == ((0, "lower"),)


def test_more_equations_than_variables_end_at_least_squares() -> None:
    found = solve_callback(lambda x: np.array([x[0] - 1, x[1] - 2, x[0] * x[1] - 3]), [0.0, 0.0])
    assert found.status is Status.LEAST_SQUARES
    J = np.array([[1, 0], [0, 1], [found.x[1], found.x[0]]])
    assert J.T @ found.residual == pytest.approx([0, 0], abs=1e-6)


def test_fewer_equations_than_variables_have_a_root_nearby() -> None:
    found = solve_callback(lambda x: [x[0] ** 2 + x[1] ** 2 - 4], [1.0, 2.0])
    assert found.converged
    assert found.x == pytest.approx([0.73, 1.86], abs=0.02)


def test_a_jacobian_is_asked_in_blocks_as_large_as_allowed() -> None:
    problem = CallbackProblem(start=np.ones(10), options=SolveOptions(), largest_block=4)
    search, sizes = Search(problem), []
    while (question := search.question) is not None:
        sizes.append(len(question.points))
        search.answer(question.points**3 - 2)
    assert sizes[:4] == [1, 4, 4, 2]
    assert search.result.converged


@pytest.mark.parametrize(
    ("shape", "words"),
    [((3, 2), "expected (1, m)"), ((1, 0), "at least one equation")],
)
def test_an_answer_of_another_shape_is_refused_and_the_question_stays(shape: tuple[int, int], words: str) -> None:
    search = Search(CallbackProblem(start=np.ones(2), options=SolveOptions()))
    with pytest.raises(InputError, match="values") as caught:
        search.answer(np.zeros(shape))
    assert words in str(caught.value)
    assert search.question is not None
    search.answer(np.ones(2))


def test_the_number_of_equations_may_not_change() -> None:
    search = Search(CallbackProblem(start=np.ones(2), options=SolveOptions()))
    search.answer(np.ones(2))
    with pytest.raises(InputError, match="3 equations; expected 2"):
        search.answer(np.ones((2, 3)))


def test_options_that_callbacks_do_not_have_are_refused() -> None:
    with pytest.raises(InputError, match=r"options.method: broyden is not for callbacks; expected one of auto"):
        solve_callback(two, [1.0, 1.0], SolveOptions(method=Method.BROYDEN))
    with pytest.raises(InputError, match=r"options.jacobian: analytic needs a Jacobian"):
        solve_callback(two, [1.0, 1.0], SolveOptions(jacobian=JacobianMode.ANALYTIC))


def numbers(size: int) -> Any:
    usual = st.floats(-1e3, 1e3)
    return st.lists(
        usual | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e300, 1e-300]), min_size=size, max_size=size
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 4), m=st.integers(1, 5), limit=st.integers(1, 40), central=st.booleans())
def test_whatever_is_answered_it_asks_inside_the_bounds_and_ends(
    data: st.DataObject, n: int, m: int, limit: int, central: bool
) -> None:
    start = np.array(data.draw(st.lists(st.floats(-10, 10), min_size=n, max_size=n)))
    room = np.array(data.draw(st.lists(st.floats(0, 5), min_size=2 * n, max_size=2 * n))).reshape(2, n)
    bounds = Bounds(start - room[0], start + room[1])
    mode = JacobianMode.CENTRAL if central else JacobianMode.FORWARD
    options = SolveOptions(max_evaluations=limit, jacobian=mode)
    search = Search(CallbackProblem(start=start, options=options, bounds=bounds))
    asked = 0
    while (question := search.question) is not None:
        assert np.all((question.points >= bounds.lower) & (question.points <= bounds.upper))
        asked += len(question.points)
        assert asked <= max(limit, 1)
        # Between two answers a search is plain data.
        search = pickle.loads(pickle.dumps(search))
        with np.errstate(all="ignore"):
            search.answer(np.array([data.draw(numbers(m)) for _ in question.points]))
    assert search.result.evaluations == asked
    assert np.all((search.result.x >= bounds.lower) & (search.result.x <= bounds.upper))


@pytest.mark.parametrize("slope", [1e300, 1e307, 1e308])
@pytest.mark.parametrize("size", [1e-3, 1e-9])
def test_slopes_beyond_what_can_be_scaled(slope: float, size: float) -> None:
    """J over the variables' sizes overflows; in a larger unit it does not."""
    jacobian, residual = slope * np.array([[1.0, 0.5], [0.25, 1.0]]), slope * np.array([1e-9, 0.0])
    step, regular = newton_step(jacobian, residual, np.full(2, size))
    assert regular
    assert step == pytest.approx(-np.linalg.solve(jacobian / slope, residual / slope), rel=1e-12)


def test_slopes_that_nothing_can_scale_give_no_step() -> None:
    step, regular = newton_step(np.full((2, 2), 1e308), np.ones(2), np.full(2, 5e-324))
    assert (step.tolist(), regular) == ([0.0, 0.0], False)
