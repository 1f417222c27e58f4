"""Branches whose shape is known: folds where they are, limits met exactly, loops closed, and a reason for every end."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.continuation import Branch, BranchOptions, BranchPoint, End, PointKind, follow

from tests.problems import reference
from tests.solver.building import build

BACKWARDS = BranchOptions(direction=-1)


def followed(
    equations: Any, start: dict[str, Any], parameters: dict[str, Any], name: str = "p", **options: Any
) -> tuple[Branch, list[BranchPoint]]:
    branch = follow(build(equations, start, parameters), start, name, parameters, **options)
    assert branch.reason is None
    return branch, list(branch)


def turns(points: list[BranchPoint]) -> list[BranchPoint]:
    return [point for point in points if point.kind is PointKind.TURNING_POINT]


def assert_sound(points: list[BranchPoint]) -> None:
    """In order, marked as what they are, and roots."""
    assert points[0].kind is PointKind.START
    assert points[-1].kind is PointKind.END
    assert all(point.kind not in {PointKind.START, PointKind.END} for point in points[1:-1])
    assert all(a.arclength < b.arclength for a, b in itertools.pairwise(points))
    assert all(point.scaled_residual <= 1e-12 for point in points)


def test_a_circle_has_two_turning_points_and_closes() -> None:
    branch, points = followed("x**2 + p**2 - 1", {"x": 1.0}, {"p": 0.0})
    assert branch.reason is End.CLOSED
    assert_sound(points)
    first, second = turns(points)
    assert first.parameter == pytest.approx(1.0, rel=1e-10)
    assert second.parameter == pytest.approx(-1.0, rel=1e-10)
    assert abs(first.x[0]) < 1e-10
    assert abs(first.slope) < 1e-10
    assert points[-1].x.tobytes() == points[0].x.tobytes()
    assert points[-1].parameter == points[0].parameter
    assert points[-1].arclength == pytest.approx(2 * math.pi, rel=0.01)
    # It went around: every quarter was visited.
    assert {(point.x[0] > 0.1, point.parameter > 0.1) for point in points} == {(a, b) for a in (0, 1) for b in (0, 1)}


@pytest.mark.parametrize(("direction", "quarter"), [(1, True), (-1, False)])
def test_the_direction_is_that_of_the_parameter(direction: int, quarter: bool) -> None:
    options = BranchOptions(direction=direction)
    _, points = followed("x**2 + p**2 - 1", {"x": 1.0}, {"p": 0.0}, options=options)
    assert (points[1].parameter > 0) is quarter
    assert math.copysign(1.0, turns(points)[0].parameter) == direction


@pytest.mark.parametrize("epsilon", [1.0, 1e-2, 1e-4])
def test_hysteresis_turns_twice_however_narrow(epsilon: float) -> None:
    begin = (-2.0) ** 3 + 2.0 * epsilon
    branch, points = followed(
        "p - x**3 + e*x",
        {"x": -2.0},
        {"p": begin, "e": epsilon},
        lower=-9.0,
        upper=6.0,
    )
    assert branch.reason is End.LIMIT
    assert_sound(points)
    height = 2 * (epsilon / 3) ** 1.5
    assert [turn.parameter for turn in turns(points)] == pytest.approx([height, -height], rel=1e-9)
    assert [turn.x[0] for turn in turns(points)] == pytest.approx(
        [-math.sqrt(epsilon / 3), math.sqrt(epsilon / 3)], rel=1e-7
    )
    assert points[-1].parameter == 6.0
    assert points[-1].x[0] > 0.0


def bratu(n: int) -> list[str]:
    inner = f"u[i-1] - 2*u[i] + u[i+1] + lam/{n * n}*exp(u[i]) for i in range(1, {n})"
    return ["u[0]", f"u[{n}]", inner]


def test_the_fold_of_bratu_is_where_the_extended_system_has_its_root() -> None:
    n = 20
    options = BranchOptions(max_points=60)
    _, points = followed(bratu(n), {"u": np.zeros(n + 1)}, {"lam": 0.0}, "lam", lower=0.0, options=options)
    (turn,) = turns(points)
    assert turn.parameter == pytest.approx(3.51, abs=0.01)
    # An independent way: u, a null vector v of J, and lam, all at once.
    null = f"v[i-1] - 2*v[i] + v[i+1] + lam/{n * n}*exp(u[i])*v[i] for i in range(1, {n})"
    extended = [*bratu(n), "v[0]", f"v[{n}]", null, f"sum(v[i]**2 for i in range({n + 1})) - 1"]
    shape = np.sin(np.pi * np.arange(n + 1) / n)
    start = {"u": turn.x, "v": shape / np.linalg.norm(shape), "lam": 3.5}
    solution = build(extended, start).solve(start)
    assert solution.converged
    assert turn.parameter == pytest.approx(solution["lam"], rel=1e-11)
    np.testing.assert_allclose(turn.x, solution["u"], rtol=1e-9, atol=1e-12)


def test_bratu_comes_back_on_the_upper_branch() -> None:
    n = 20
    branch, points = followed(bratu(n), {"u": np.zeros(n + 1)}, {"lam": 0.0}, "lam", lower=-0.1, upper=4.0)
    below = [point for point in points if 1.0 < point.parameter < 1.5]
    assert {point.slope > 0 for point in below} == {True, False}
    assert max(point.x.max() for point in below if point.slope < 0) > 3.0
    assert branch.reason in {End.DOMAIN, End.STEP, End.MAX_POINTS}


def test_a_straight_branch_ends_at_the_limit_exactly() -> None:
    system = build("2*x + 3*k[1] - k[0]", {"x": 0.0}, {"k": [1.0, 0.0]})
    branch = follow(system, [0.0], "k[1]", [1.0, 0.0], upper=0.7)
    points = list(branch)
    assert branch.reason is End.LIMIT
    assert_sound(points)
    assert points[-1].parameter == 0.7
    assert points[-1].x[0] == pytest.approx((1 - 3 * 0.7) / 2, rel=1e-15)
    assert all(point.x[0] == pytest.approx((1 - 3 * point.parameter) / 2, rel=1e-12, abs=1e-15) for point in points)


@pytest.mark.parametrize("upper", [0.5, 0.9, 0.999, 1 - 1e-7, 1 - 1e-12, 1.0])
def test_a_limit_before_a_fold_is_met_exactly(upper: float) -> None:
    branch, points = followed("x**2 + p**2 - 1", {"x": 1.0}, {"p": 0.0}, upper=upper)
    assert branch.reason is End.LIMIT
    assert_sound(points)
    assert points[-1].parameter == upper
    assert points[-1].x[0] == pytest.approx(math.sqrt(1 - upper**2), abs=2e-6)
    assert not turns(points)


def test_a_start_at_the_limit_is_the_only_point() -> None:
    branch, points = followed("x - p", {"x": 1.0}, {"p": 1.0}, upper=1.0)
    assert branch.reason is End.LIMIT
    assert [point.kind for point in points] == [PointKind.START]


def test_the_end_of_a_domain_is_reached_and_said() -> None:
    branch, points = followed("y + 0.01*log(2 - p)", {"y": 0.0}, {"p": 1.0})
    assert branch.reason is End.DOMAIN
    assert_sound(points)
    assert 2.0 - points[-1].parameter < 1e-12


def test_a_square_root_ends_where_its_argument_does() -> None:
    branch, points = followed("y - sqrt(p)", {"y": 1.0}, {"p": 1.0}, options=BACKWARDS)
    assert branch.reason is End.DOMAIN
    assert 0.0 <= points[-1].parameter < 1e-12


def test_a_kink_ends_a_branch_and_is_said() -> None:
    branch, points = followed("y - abs(p)", {"y": 1.0}, {"p": -1.0}, upper=1.0)
    assert branch.reason is End.STEP
    assert abs(points[-1].parameter) < 1e-9
    assert "kink" in End.STEP.message


def test_where_branches_cross_it_goes_straight_on_and_says_so() -> None:
    branch, points = followed("x**3 - p*x", {"x": 0.0}, {"p": -1.1}, upper=1.0)
    assert branch.reason is End.LIMIT
    assert all(abs(point.x[0]) < 1e-12 for point in points)
    (place,) = [place for place, point in enumerate(points) if point.kind is PointKind.CROSSING]
    assert points[place - 1].parameter <= 0.0 <= points[place].parameter


def test_a_start_where_branches_cross_has_no_direction() -> None:
    branch, points = followed("x**3 - p*x", {"x": 0.0}, {"p": 0.0})
    assert (branch.reason, points) == (End.SINGULAR, [])


def test_no_root_at_the_start_is_no_branch() -> None:
    branch, points = followed("x**2 + 1 + p", {"x": 1.0}, {"p": 0.0})
    assert (branch.reason, points) == (End.START, [])
    assert not branch.start.converged


def test_branches_nearby_are_not_jumped_to() -> None:
    # Two hyperbolas that nearly touch: x² − p² = gap². The upper one stays the upper one.
    branch, points = followed("x**2 - p**2 - 1e-6", {"x": 3.0}, {"p": -3.0}, upper=3.0)
    assert branch.reason is End.LIMIT
    assert all(point.x[0] >= 1e-3 * (1 - 1e-9) for point in points)
    assert points[-1].x[0] == pytest.approx(3.0, rel=1e-6)


def test_a_branch_without_end_ends_where_it_is_far() -> None:
    branch, points = followed("x*(p - 1) - 1", {"x": -1.0}, {"p": 0.0})
    assert branch.reason is End.FAR
    assert 1e14 < -points[-1].x[0] < 1e16
    # The middle branch of a fork that is not perfect goes on to any p.
    branch, points = followed("x**3 - p*x - 1e-8", {"x": -1.0}, {"p": 1.0}, options=BACKWARDS)
    assert branch.reason is End.FAR
    assert len(turns(points)) == 1


def test_a_figure_of_eight_is_crossed_twice_and_closed() -> None:
    branch, points = followed("(x**2 + p**2)**2 - 2*(x**2 - p**2)", {"x": 1.41}, {"p": 0.0})
    assert branch.reason is End.CLOSED
    assert [turn.parameter for turn in turns(points)] == pytest.approx([0.5, -0.5, 0.5, -0.5], rel=1e-9)
    assert sum(point.kind is PointKind.CROSSING for point in points) == 2


def test_all_folds_of_a_wave_are_met_in_order() -> None:
    _, points = followed("x + 2*sin(x) - p", {"x": 0.0}, {"p": 0.0}, upper=60.0)
    expected = [2 * math.pi * (k // 2) + (2 if k % 2 == 0 else 4) * math.pi / 3 for k in range(18)]
    assert [turn.x[0] for turn in turns(points)] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("options", [{}, {"lower": 1e6 - 2, "upper": 1e6 + 2}, {"nominal_parameter": 1.0}])
def test_a_small_circle_far_out_is_followed_around(options: dict[str, float]) -> None:
    branch, points = followed("x**2 + (p - 1e6)**2 - 1", {"x": 1.0}, {"p": 1e6}, **options)
    assert branch.reason is End.CLOSED
    assert [turn.parameter - 1e6 for turn in turns(points)] == pytest.approx([1.0, -1.0], rel=1e-7)


def test_points_are_made_as_they_are_asked_for_and_stop_when_told() -> None:
    stop: list[bool] = []
    system = build("x**2 + p**2 - 1", {"x": 1.0}, {"p": 0.0})
    branch = follow(system, [1.0], "p", [0.0], should_stop=lambda: bool(stop))
    first, second = next(branch), next(branch)
    assert (first.kind, second.kind) == (PointKind.START, PointKind.REGULAR)
    assert branch.reason is None
    stop.append(True)
    rest = list(branch)
    assert [point.kind for point in rest] == [PointKind.END]
    assert branch.reason is End.STOPPED
    assert list(branch) == []


@pytest.mark.parametrize("most", [1, 2, 15])
def test_the_number_of_points_is_limited(most: int) -> None:
    branch, points = followed("x**2 + p**2 - 1", {"x": 1.0}, {"p": 0.0}, options=BranchOptions(max_points=most))
    assert len(points) == most
    assert branch.reason is End.MAX_POINTS


def test_points_are_roots_to_fifty_digits_too() -> None:
    _, points = followed("x**5 - x**2 + p*x - 0.3*p**2 + 0.1", {"x": 1.0}, {"p": 0.0}, lower=-2.0, upper=2.0)
    for point in points:
        text = "x1**5 - x1**2 + x2*x1 - 0.3*x2**2 + 0.1"
        size = sum(abs(term) for term in (point.x[0] ** 5, point.x[0] ** 2, point.parameter * point.x[0], 0.1))
        assert reference.residual_norm([text], [point.x[0], point.parameter]) <= 4e-12 * size


@pytest.mark.parametrize(
    ("equations", "start", "name", "options", "words"),
    [
        (["x - p", "x - 2*p"], {"x": 1.0}, "p", {}, "as many equations as variables"),
        ("x - p", {"x": 1.0}, "q", {}, "no free parameter 'q'"),
        ("x - p", {"x": 1.0}, "p", {"upper": 0.5}, "begins at 1"),
        ("x - p", {"x": 1.0}, "p", {"lower": 2.0}, "outside"),
    ],
)
def test_what_does_not_fit_is_refused(
    equations: Any, start: dict[str, Any], name: str, options: dict[str, float], words: str
) -> None:
    with pytest.raises(rs.InputError, match=words):
        follow(build(equations, start, {"p": 1.0}), start, name, {"p": 1.0}, **options)


def test_an_array_is_not_one_parameter() -> None:
    system = build("x - p[0] - p[1]", {"x": 1.0}, {"p": [1.0, 0.0]})
    with pytest.raises(rs.InputError, match=r"is 2 numbers; name one, such as p\[0\]"):
        follow(system, [1.0], "p", [1.0, 0.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"direction": 0},
        {"first_step": 0.0},
        {"largest_angle": 2.0},
        {"max_points": 0},
        {"largest_size": 1.0},
        {"smallest_step": math.inf},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(rs.InputError, match=next(iter(wrong))):
        BranchOptions(**wrong)


@given(st.floats(-8, 8), st.floats(-8, 8), st.floats(0.05, 0.95))
@settings(max_examples=10)
def test_units_change_nothing(unit_of_x: float, unit_of_p: float, begin: float) -> None:
    """An ellipse of any half axes is followed around as a circle is."""
    a, b = 10.0**unit_of_x, 10.0**unit_of_p
    start, parameters = {"x": a * math.sqrt(1 - begin**2)}, {"p": b * begin, "a": a, "b": b}
    branch, points = followed("(x/a)**2 + (p/b)**2 - 1", start, parameters)
    assert branch.reason is End.CLOSED
    assert [turn.parameter / b for turn in turns(points)] == pytest.approx([1.0, -1.0], rel=1e-9)
    assert len(points) < 150
