"""f and the exact Jacobian of every standard problem agree with 50 digits, at its start and at its root.

To 1e-12, relative; where the terms of a sum cancel so far that rounding them is more than that, to the error
that rounding leaves (see rounding.py).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import raphson_solver as rs

from tests.problems import Point, standard_points
from tests.problems.reference import jacobian, residual
from tests.problems.rounding import UNIT, running_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIVE = 1e-12
ROUNDINGS = 16
"""Sums taken in another order, and functions right to more than half a unit, cost a few times the bound."""

points = pytest.mark.parametrize("point", standard_points(), ids=lambda point: point.name)


@cache
def _system(equations: tuple[str, ...], variables: tuple[str, ...]) -> rs.System:
    return rs.compile(equations, start=list(variables))


def _assert_close(got: NDArray[np.float64], want: NDArray[np.float64], error: NDArray[np.float64]) -> None:
    excess = np.abs(got - want) - np.maximum(RELATIVE * np.abs(want), ROUNDINGS * UNIT * error)
    assert np.all(excess <= 0.0), f"got {got[excess > 0]}, expected {want[excess > 0]}"


@points
def test_f_agrees(point: Point) -> None:
    problem, x = point.problem, point.x
    got = _system(problem.equations, problem.variables).residual(np.array(x), np.empty(0))
    want = np.array(residual(problem.equations, x), dtype=float)
    _assert_close(got, want, running_error(problem.equations, x).f_error)


@points
def test_the_jacobian_agrees(point: Point) -> None:
    problem, x = point.problem, point.x
    got = _system(problem.equations, problem.variables).jacobian(np.array(x))
    want = np.array(jacobian(problem.equations, x), dtype=float)
    _assert_close(got, want, running_error(problem.equations, x).jacobian_error)
