"""The judge of the benchmarks tells roots from what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evidence import evidence
from tests.problems import Point, standard_points


@pytest.mark.parametrize("point", standard_points(), ids=lambda point: point.name)
def test_roots_hold_and_starts_do_not(point: Point) -> None:
    assert evidence(point.problem.equations, np.array(point.x)).holds(1e-12) is point.name.endswith("-root")


def test_a_root_that_is_a_little_off_does_not_hold() -> None:
    equations = ("x1**2 + x2**2 - 4.0", "exp(x1) + x2 - 1.0")
    root = np.array([1.0041687384746592, -1.7296372870258698])
    assert evidence(equations, root).holds(1e-14)
    assert evidence(equations, root * (1 + 1e-9)).holds(1e-8)
    assert not evidence(equations, root * (1 + 1e-9)).holds(1e-10)


def test_an_escape_to_infinity_is_no_root() -> None:
    judged = evidence(("x1 - sqrt(x1**2 + 1.0)",), np.array([1e12]))
    assert judged.scaled_residual.max() < 1e-20
    assert not judged.holds(1e-6)


def test_a_component_that_is_zero_at_the_root_may_be_nearly_zero() -> None:
    equations = ("x1**2 - 1.0", "x2")
    judged = evidence(equations, np.array([1.0, 1e-20]))
    assert judged.scaled_residual.max() > 0.1
    assert judged.holds(1e-12)
    assert not evidence(equations, np.array([1.0, 1e-5])).holds(1e-12)


@pytest.mark.parametrize("x", [[np.nan], [np.inf], [0.0]])
def test_where_f_is_not_defined_nothing_holds(x: list[float]) -> None:
    assert not evidence(("1.0/x1",), np.array(x)).holds(1e-3)
