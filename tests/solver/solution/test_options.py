"""Options: frozen, by keyword, and refused where they make no sense."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
import raphson_solver as rs

from tests.solver.building import build


def test_the_defaults() -> None:
    options = rs.SolveOptions()
    assert (options.method, options.jacobian) == (rs.Method.AUTO, rs.JacobianMode.EXACT)
    assert (options.tolerance, options.absolute_tolerance) == (1e-12, 1e-30)
    assert options.timeout_seconds is None
    assert options.max_iterations >= 200


def test_options_are_values() -> None:
    assert rs.SolveOptions(tolerance=1e-9) == rs.SolveOptions(tolerance=1e-9)
    assert hash(rs.SolveOptions(tolerance=1e-9)) == hash(rs.SolveOptions(tolerance=1e-9))
    with pytest.raises(dataclasses.FrozenInstanceError):
        rs.SolveOptions().tolerance = 1.0
    with pytest.raises(TypeError, match="positional"):
        rs.SolveOptions(rs.Method.NEWTON)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tolerance", 0.0, "expected a number above 0 and below 1, found 0.0"),
        ("tolerance", 1.0, "expected a number above 0 and below 1, found 1.0"),
        ("tolerance", -1e-9, "expected a number above 0 and below 1, found -1e-09"),
        ("tolerance", float("nan"), "expected a number above 0 and below 1, found nan"),
        ("tolerance", "1e-9", "expected a number above 0 and below 1, found '1e-9'"),
        ("absolute_tolerance", -1.0, "expected a number of at least 0, found -1.0"),
        ("absolute_tolerance", float("inf"), "expected a number of at least 0, found inf"),
        ("absolute_tolerance", float("nan"), "expected a number of at least 0, found nan"),
        ("max_iterations", 0, "expected a whole number of at least 1, found 0"),
        ("max_iterations", -5, "expected a whole number of at least 1, found -5"),
        ("max_iterations", 2**63, "expected a whole number of at least 1, found 9223372036854775808"),
        ("max_iterations", 2.5, "expected a whole number of at least 1, found 2.5"),
        ("timeout_seconds", 0.0, "expected seconds above 0, or None, found 0.0"),
        ("timeout_seconds", -1.0, "expected seconds above 0, or None, found -1.0"),
        ("timeout_seconds", float("nan"), "expected seconds above 0, or None, found nan"),
        ("method", "newton", "expected "),
        ("method", 99, "expected "),
        ("jacobian", "exact", "expected "),
        ("jacobian", 0, "expected "),
    ],
)
def test_values_that_make_no_sense(name: str, value: Any, expected: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        rs.SolveOptions(**{name: value})
    assert caught.value.field == f"options.{name}"
    assert caught.value.message.startswith(expected)


def test_the_number_of_a_mode_is_that_mode_or_refused() -> None:
    """Not silently another: the wire speaks in numbers."""
    system = build("x**2 = 2", ["x"], jacobian=[["0"]])
    with contextlib.suppress(rs.InputError):
        options = rs.SolveOptions(jacobian=4)
        assert system.solve([3.0], options=options).status is rs.Status.SINGULAR


@pytest.mark.parametrize("mode", ["exact", 4, 0, None])
def test_what_is_no_mode_is_refused(mode: Any) -> None:
    system = build("x**2 = 2", ["x"])
    for ask in (lambda: system.jacobian([1.0], mode=mode), lambda: system.jvp([1.0], [1.0], mode=mode)):
        with pytest.raises(rs.InputError) as caught:
            ask()
        assert caught.value.field == "mode"


def test_analytic_derivatives_need_a_jacobian() -> None:
    system = build("x**2 = 2", ["x"])
    with pytest.raises(rs.InputError) as caught:
        system.solve([1.0], options=rs.SolveOptions(jacobian=rs.JacobianMode.ANALYTIC))
    assert caught.value.field == "options.jacobian"
    assert caught.value.message == "this system has no Jacobian of the caller's; give one, or use 'exact'"
    with pytest.raises(rs.InputError) as caught:
        system.jacobian([1.0], mode=rs.JacobianMode.ANALYTIC)
    assert caught.value.field == "mode"


def test_a_complex_step_is_for_points_alone() -> None:
    system = build("x**2 = 2", ["x"])
    with pytest.raises(rs.InputError) as caught:
        system.solve([1.0], options=rs.SolveOptions(jacobian=rs.JacobianMode.COMPLEX_STEP))
    assert caught.value.field == "options.jacobian"
    assert "at points, not while solving" in caught.value.message
    assert system.jacobian([3.0], mode=rs.JacobianMode.COMPLEX_STEP).tolist() == [[6.0]]
