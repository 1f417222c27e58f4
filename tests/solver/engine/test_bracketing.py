"""One equation in one variable, by its change of sign."""

from __future__ import annotations

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build

OPTIONS = rs.SolveOptions(method=rs.Method.BRACKETING)


@pytest.mark.parametrize(
    ("text", "start", "root"),
    [
        ("x**2 - 2", 1.0, np.sqrt(2.0)),
        ("x**3 - 2*x + 2", 0.0, -1.7692923542386314),
        ("exp(x) = 5", -30.0, np.log(5.0)),
        ("log(x)", 50.0, 1.0),
        ("log(x)", 1e-9, 1.0),
        ("arctan(x - 3)", 40.0, 3.0),
        ("x**20 = 1", 0.5, 1.0),
        ("cbrt(x - 7)", 100.0, 7.0),
        ("where(x < 2, x - 2, 5*(x - 2))", -4.0, 2.0),
    ],
)
def test_roots_that_newton_misses_or_finds_late(text: str, start: float, root: float) -> None:
    solution = build(text, ["x"]).solve([start], options=OPTIONS)
    assert solution.converged, solution
    assert solution.x[0] == pytest.approx(root, rel=1e-11)
    assert solution.iterations <= 70


@pytest.mark.parametrize(("text", "start"), [("1/(x - 0.3)", 1.0), ("tan(x)", 1.2), ("floor(x) - 0.5", 3.0)])
def test_a_change_of_sign_at_a_pole_or_a_jump_is_no_root(text: str, start: float) -> None:
    solution = build(text, ["x"]).solve([start], options=OPTIONS)
    assert not solution.converged or abs(np.sin(solution.x[0])) < 1e-12


def test_where_there_is_no_change_of_sign() -> None:
    solution = build("x**2 + 1", ["x"]).solve([3.0], options=OPTIONS)
    assert not solution.converged
    assert solution.iterations <= 2


def test_bounds_end_the_search() -> None:
    system = build("x**2 = 4", ["x"])
    inside = system.solve([0.5], options=OPTIONS, bounds=([0.0], [10.0]))
    assert inside.x[0] == pytest.approx(2.0, rel=1e-12)
    outside = system.solve([0.5], options=OPTIONS, bounds=([0.0], [1.0]), trace=True)
    assert not outside.converged
    assert outside.trace is not None
    assert all(0.0 <= step.x[0] <= 1.0 for step in outside.trace)


def test_it_is_for_one_equation() -> None:
    with pytest.raises(rs.InputError, match="bracketing is for one equation in one variable; found 2 equations"):
        build(["x = 1", "y = 2"], ["x", "y"]).solve([0.0, 0.0], options=OPTIONS)
