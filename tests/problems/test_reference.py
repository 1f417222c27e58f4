"""The data and the 50-digit reference are themselves right."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from mpmath import mp, mpf

from tests.problems import Point, Problem, standard_points, standard_problems
from tests.problems.reference import NotDefinedError, jacobian, residual, residual_norm
from tests.problems.rounding import UNIT, running_error

problems = pytest.mark.parametrize("problem", standard_problems(), ids=lambda problem: problem.name)


def test_all_problems_are_there() -> None:
    assert Counter(problem.group for problem in standard_problems()) == {"nls23": 23, "mgh": 42}
    assert len({problem.name for problem in standard_problems()}) == 65


@problems
def test_the_stored_root_is_a_root(problem: Problem) -> None:
    # The stored digits end at a double's: what is left of f there is at most J times half a unit of each x.
    slack = np.abs(np.array(jacobian(problem.equations, problem.root), dtype=float)) @ np.abs(problem.root)
    left = np.array([float(abs(value)) for value in residual(problem.equations, problem.root)])
    np.testing.assert_array_less(left, 4 * UNIT * slack + 1e-27)


@pytest.mark.parametrize("point", standard_points(), ids=lambda point: point.name)
def test_two_ways_to_differentiate_agree(point: Point) -> None:
    equations, x = point.problem.equations, point.x
    differences = np.array(jacobian(equations, x), dtype=float)
    np.testing.assert_allclose(running_error(equations, x).jacobian, differences, rtol=1e-15, atol=1e-90)


def test_literals_are_divided_at_fifty_digits() -> None:
    with mp.workdps(50):
        assert residual(["x1 - 1/3"], [0])[0] == -mpf(1) / 3


def test_the_jacobian_has_more_than_twenty_digits() -> None:
    with mp.workdps(50):
        got = jacobian(["exp(x1)*sin(x2)"], [1.5, 0.25])[0]
        want = [mp.exp(1.5) * mp.sin(0.25), mp.exp(1.5) * mp.cos(0.25)]
        assert max(abs(a - b) for a, b in zip(got, want, strict=True)) < mpf(10) ** -45


def test_a_division_by_zero_is_reported() -> None:
    with pytest.raises(NotDefinedError, match="division by zero"):
        residual(["1/x1"], [0.0])


def test_a_kink_is_reported() -> None:
    with pytest.raises(NotDefinedError, match="kink in x1"):
        jacobian(["sqrt(x1**2)"], [0.0])


def test_rounding_is_bounded_where_terms_cancel() -> None:
    equations, x = ["exp(x1) - exp(x2)"], [1.0, 1.0 + 2**-40]
    computed = np.exp(x[0]) - np.exp(x[1])
    bound = running_error(equations, x).f_error[0] * UNIT
    assert abs(computed - float(residual(equations, x)[0])) <= bound
    assert residual_norm(equations, x) < 1e-11
