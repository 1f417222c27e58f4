"""``where(c, a, 0)``: where c does not hold, neither a nor its derivative is heard, be they NaN or infinite."""

from __future__ import annotations

import numpy as np
import pytest

from tests.solver.building import build

GUARDED = [
    ("where(x > 0, log(x), 0)", "1/x"),
    ("log(x) if x > 0 else 0", "1/x"),
    ("where(x > 0, sqrt(x), 0)", "0.5/sqrt(x)"),
    ("where(x > 0, x**1.5, 0)", "1.5*sqrt(x)"),
    ("where(x > 0, 1/x, 0)", "-1/x**2"),
    ("where(x > 0, x*log(x), 0)", "log(x) + 1"),
    ("3 * where(x > 0, log(x), 0) - 1", "3/x"),
    ("where(x > 0, log(x), 0) / 4", "0.25/x"),
    ("-where(x > 0, log(x), 0)", "-1/x"),
    ("where(x > 0, exp(-1/x**2), 0)", "exp(-1/x**2)*2/x**3"),
    ("where(x > 0, log(x)**2, 0)", "2*log(x)/x"),
    ("where(x > 0, log(x)*sin(log(x)), 0)", "(sin(log(x)) + log(x)*cos(log(x)))/x"),
    ("where(x > 0, log(x), 0) + where(x > 0, 2*log(x), 0)", "3/x"),
    ("where(x > 0, log(x), 0) + where(x > 0 and x < 9, log(x)**3, 0)", "(1 + 3*log(x)**2)/x"),
]


@pytest.mark.parametrize("text", [text for text, _ in GUARDED])
@pytest.mark.parametrize("x", [0.0, -0.0, -2.0])
def test_outside_the_guard_the_slope_is_zero(text: str, x: float) -> None:
    system = build(text, ["x"])
    assert system.jacobian([x]).tolist() == [[0.0]]
    assert system.jvp([x], [1.0]).tolist() == [0.0]
    assert system.vjp([x], [1.0]).tolist() == [0.0]


@pytest.mark.parametrize(("text", "slope"), GUARDED)
def test_inside_the_guard_the_slope_is_that_of_the_guarded(text: str, slope: str) -> None:
    system, expected = build(text, ["x"]), build(slope, ["x"])
    for x in (0.5, 2.0, 7.5):
        assert system.jacobian([x])[0, 0] == pytest.approx(expected.residual([x])[0], rel=1e-14)
        assert system.jvp([x], [1.0])[0] == pytest.approx(expected.residual([x])[0], rel=1e-14)


def test_a_guard_between_two_branches_takes_the_slope_of_the_one_taken() -> None:
    system = build("where(x > 0, x**2, sin(x))", ["x"])
    assert [system.jacobian([x])[0, 0] for x in (3.0, 0.0, -1.0)] == [6.0, 1.0, np.cos(-1.0)]


def test_a_guarded_system_is_solved_through_its_guard() -> None:
    system = build(["where(x > 0, log(x), 0) + x = 1", "y + where(y > 0, y*log(y), 0) = -2"], ["x", "y"])
    solution = system.solve([3.0, -0.5])
    assert solution.converged
    np.testing.assert_allclose(solution.x, [1.0, -2.0], rtol=1e-10)
