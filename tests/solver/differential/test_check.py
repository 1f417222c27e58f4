"""A caller's Jacobian: right ones agree however they are written, wrong entries are found, named and put in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.differential.check import JacobianCheck, check_jacobian

from tests.solver.building import build

TEXTS, NAMES = ["x**2*y - sin(z)", "exp(x*r)/y"], ["x", "y", "z"]
RIGHT = [["2*x*y", "x**2", "-cos(z)"], ["r*exp(x*r)/y", "-exp(x*r)/y**2", "0"]]
X, R = [1.5, -0.75, 2.0], [0.5]


def check(jacobian: list[list[str]], **how: Any) -> JacobianCheck:
    return check_jacobian(build(TEXTS, NAMES, ["r"], jacobian=jacobian), X, R, **how)


def changed(row: int, column: int, text: str) -> list[list[str]]:
    return [
        [text if (i, j) == (row, column) else entry for j, entry in enumerate(line)] for i, line in enumerate(RIGHT)
    ]


def test_a_right_one_agrees() -> None:
    found = check(RIGHT)
    assert found.agrees
    assert (found.worst, found.disagreeing) == ((), 0)
    assert found.largest_error < 1e-15
    assert str(found).startswith("the Jacobian agrees with the exact one to rounding: largest error ")


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (0, 0, "y*x + x*y"),
        (0, 0, "((x + 1)**2 - (x - 1)**2)/2*y"),
        (0, 0, "(x + 1e8)*2*y - 2e8*y"),
        (0, 2, "sin(z - 1.5707963267948966)"),
        (0, 2, "sin(z/2)**2 - cos(z/2)**2"),
        (1, 0, "r*exp(x)**r/y"),
        (1, 1, "-exp(x*r - 2*log(-y))"),
        (1, 2, "sin(x)**2 + cos(x)**2 - 1"),
        (1, 2, "(x + z) - x - z"),
        (1, 0, "0.5000000000001*exp(x*r)/y"),
    ],
)
def test_other_ways_to_write_it_agree(row: int, column: int, text: str) -> None:
    assert check(changed(row, column, text)).agrees


@pytest.mark.parametrize(
    ("row", "column", "text", "given"),
    [
        (0, 0, "2*x", 3.0),
        (0, 2, "cos(z)", np.cos(2.0)),
        (1, 2, "1e-30", 1e-30),
        (1, 2, "z", 2.0),
        (0, 0, "0", 0.0),
        (0, 1, "x**2*(1 + 1e-9)", 2.25 * (1 + 1e-9)),
        (0, 1, "log(-1)", np.nan),
        (0, 1, "1/0*x", np.inf),
    ],
)
def test_a_wrong_entry_is_named(row: int, column: int, text: str, given: float) -> None:
    found = check(changed(row, column, text))
    assert not found.agrees
    assert found.disagreeing == len(found.worst) == 1
    (entry,) = found.worst
    exact = build(TEXTS, NAMES, ["r"]).jacobian(X, R)[row, column]
    assert (entry.row, entry.column) == (row, column)
    assert (entry.equation, entry.variable) == (f"equations[{row}]", NAMES[column])
    np.testing.assert_allclose([entry.given, entry.exact], [given, exact], rtol=1e-14)
    assert abs(entry.central - exact) <= entry.central_error < 1e-8
    assert found.largest_error > 2.0**-40
    assert "1 entry differs from the exact Jacobian:\n  equation      variable  given" in str(found)
    assert f"\n  equations[{row}]  {NAMES[column]}         {given:.10g}" in str(found)


def test_the_worst_come_first() -> None:
    wrong = [["2*x*y*(1 + 1e-8)", "log(-x**2)", "-2*cos(z)"], ["0", "-exp(x*r)/y**2", "0"]]
    found = check(wrong)
    assert found.disagreeing == 4
    assert found.largest_error == np.inf
    assert [(entry.row, entry.column) for entry in found.worst] == [(0, 1), (1, 0), (0, 2), (0, 0)]
    less = check(wrong, max_entries=2)
    assert (str(less.worst), less.disagreeing) == (str(found.worst[:2]), 4)
    assert "4 entries differ from the exact Jacobian; the worst 2:" in str(less)


def test_a_transposed_one() -> None:
    found = check_jacobian(build(["x*y", "x - y**2"], ["x", "y"], jacobian=[["y", "1"], ["x", "-2*y"]]), [3.0, 5.0])
    assert [(entry.row, entry.column, entry.given, entry.exact) for entry in found.worst] in (
        [(0, 1, 1.0, 3.0), (1, 0, 3.0, 1.0)],
        [(1, 0, 3.0, 1.0), (0, 1, 1.0, 3.0)],
    )


def test_elements_and_families_by_name() -> None:
    n = 6
    texts = [f"u[i]**2 - (u[i-1] if i > 0 else 0) for i in range({n})"]
    jacobian = [[f"2*u[{i}]" if j == i else "-1" if j == i - 1 else "0" for j in range(n)] for i in range(n)]
    jacobian[4][3] = "1"
    found = check_jacobian(build(texts, {"u": np.zeros(n)}, jacobian=jacobian), np.arange(1.0, n + 1))
    (entry,) = found.worst
    assert (entry.equation, entry.variable, entry.given, entry.exact) == ("equations[0] at i=4", "u[3]", 1.0, -1.0)
    assert entry.central == pytest.approx(-1.0, abs=1e-9)


def test_undefined_alike_agrees_and_otherwise_does_not() -> None:
    def agrees(text: str, given: str) -> bool:
        return check_jacobian(build(text, ["x"], jacobian=[[given]]), [0.0]).agrees

    assert agrees("sqrt(x)", "0.5/sqrt(x)")
    assert not agrees("sqrt(x)", "-0.5/sqrt(x)")
    assert not agrees("sqrt(x)", "1")
    assert agrees("x*sqrt(x)", "x/x")
    assert not agrees("x*sqrt(x)", "0")


@given(st.floats(-20.0, 20.0), st.floats(-8.0, 8.0), st.floats(1e-9, 1.0))
def test_scales_do_not_matter(log_f: float, log_x: float, wrong: float) -> None:
    """What agrees does in any unit, and what is wrong by a billionth is found in any."""
    f, s = 10.0**log_f, 10.0**log_x
    texts = [f"{f!r}*(x/{s!r} - sin(y))"]
    right = [[f"{f!r}/{s!r}", f"-{f!r}*cos(y)"]]
    assert check_jacobian(build(texts, ["x", "y"], jacobian=right), [0.7 * s, 0.4]).agrees
    right[0][0] += f"*(1 + {wrong!r})"
    found = check_jacobian(build(texts, ["x", "y"], jacobian=right), [0.7 * s, 0.4])
    assert [entry.column for entry in found.worst] == [0]
    assert found.largest_error == pytest.approx(wrong / (1 + wrong), rel=1e-5)


def test_without_a_jacobian_there_is_nothing_to_check() -> None:
    with pytest.raises(rs.InputError, match=r"^jacobian: this system has no Jacobian of the caller's to check"):
        check_jacobian(build("x", ["x"]), [1.0])


@pytest.mark.parametrize("count", [0, -3])
def test_at_least_one_entry_is_asked_for(count: int) -> None:
    with pytest.raises(rs.InputError, match=rf"^max_entries: expected at least 1, found {count}$"):
        check(RIGHT, max_entries=count)


def test_points_that_do_not_fit_are_refused() -> None:
    with pytest.raises(rs.InputError, match=r"^at: expected shape \(3,\)"):
        check_jacobian(build(TEXTS, NAMES, ["r"], jacobian=RIGHT), [1.0, 2.0], R)


def test_it_can_be_ended() -> None:
    def between() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        check(RIGHT, between=between)
