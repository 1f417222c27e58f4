"""A box search finds all the roots there are, each once, and says so; where it cannot, it says where."""

from __future__ import annotations

import math

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.proof import BoxSearch

from tests.solver.proof.building import search

HIMMELBLAU = ["4*x*(x**2 + y - 11) + 2*(x + y**2 - 7)", "2*(x**2 + y - 11) + 4*y*(x + y**2 - 7)"]


def roots_of(found: BoxSearch) -> list[list[float]]:
    return sorted((0.5 * (root.lower + root.upper)).tolist() for root in found.roots)


def assert_all(found: BoxSearch, expected: list[list[float]]) -> None:
    assert found.complete, found
    assert not found.undecided
    assert found.stopped == ""
    assert len(found.roots) == len(expected)
    np.testing.assert_allclose(roots_of(found), sorted(expected), rtol=0, atol=1e-11)
    assert all(np.all(root.upper - root.lower <= 1e-14) for root in found.roots)


@pytest.mark.parametrize(
    ("text", "box", "expected"),
    [
        ("x**2 - 4", (-10, 10), [-2, 2]),
        ("x**2 - 4", (-2, 2), [-2, 2]),
        ("x**2 - 4", (-1.9, 10), [2]),
        ("x**2 - 4", (-1, 1), []),
        ("x**2 + 1", (-10, 10), []),
        ("x**2 + 1e-9", (-10, 10), []),
        ("x", (-1, 1), [0]),
        ("x", (0, 1), [0]),
        ("sin(x)", (-10, 10), [k * math.pi for k in range(-3, 4)]),
        ("sin(1/x)", (0.05, 1), [1 / (k * math.pi) for k in range(1, 7)]),
        ("exp(x) - 3*x", (-5, 5), [0.6190612867359452, 1.5121345516578424]),
        ("x**20 - 1", (-3, 3), [-1, 1]),
        ("(x - 1)*(x - 1.001)*(x - 1.002)", (-10, 10), [1, 1.001, 1.002]),
        ("sqrt(x) - 1", (-4, 4), [1]),
        ("log(x) + x", (-4, 4), [0.5671432904097838]),
        ("log(x) + 1", (0, 4), [math.exp(-1)]),
        ("log(x)*sqrt(2 - x)*sqrt(-1 - x)", (-3, 3), []),
        ("arccosh(x) - 1", (-9, 9), [math.cosh(1)]),
        ("1/x", (-4, 4), []),
        ("1/x - 1", (-4, 4), [1]),
        ("tan(x) - 1", (-4, 4), [k * math.pi + math.pi / 4 for k in (-1, 0, 1)]),
        ("abs(x) - 1", (-3, 2), [-1, 1]),
        ("floor(x) - 0.5", (-3, 2), []),
        ("sign(x)*x - 1", (-3, 2), [-1, 1]),
        ("where(x < 0, -1, 1)", (-10, 10), []),
        ("where(x < 1, x + 3, x - 2)", (-10, 10), [-3, 2]),
        ("max(x, 2*x) - 1", (-4, 4), [0.5]),
        ("x**1.5 - 8", (-5, 5), [4]),
    ],
)
def test_one_unknown(text: str, box: tuple[float, float], expected: list[float]) -> None:
    assert_all(search([text], {"x": box}), [[value] for value in expected])


def test_a_root_on_the_edge_but_for_rounding_may_count() -> None:
    # The end of the box is below π by less than a rounding: whether that root is in is left open, 0 is.
    found = search(["sin(x)"], {"x": (0.0, math.pi)})
    assert found.complete
    assert any(root.lower[0] <= 0.0 <= root.upper[0] for root in found.roots)
    assert len(found.roots) in {1, 2}


def test_the_points_where_two_circles_meet() -> None:
    box = {"x": (-3.0, 3.0), "y": (-3.0, 3.0)}
    height = math.sqrt(3) / 2
    assert_all(search(["x**2 + y**2 - 1", "(x - 1)**2 + y**2 - 1"], box), [[0.5, -height], [0.5, height]])
    assert_all(search(["x**2 + y**2 - 1", "(x - 5)**2 + y**2 - 1"], box), [])


def test_circles_that_touch_are_undecided_where_they_do() -> None:
    found = search(["x**2 + y**2 - 1", "(x - 2)**2 + y**2 - 1"], {"x": (-3, 3), "y": (-3, 3)})
    assert not found.complete
    assert not found.roots
    assert len(found.undecided) == 1
    lower, upper = found.undecided[0]
    assert np.all((lower <= [1, 0]) & (upper >= [1, 0]))
    assert np.all(upper - lower < 1e-5)
    assert found.boxes < 1000
    assert "multiple" in found.stopped


def test_the_nine_stationary_points_of_himmelblau() -> None:
    found = search(HIMMELBLAU, {"x": (-5, 5), "y": (-5, 5)})
    assert found.complete
    assert len(found.roots) == 9
    for x, y in roots_of(found):
        assert 4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7) == pytest.approx(0.0, abs=1e-11)
        assert 2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7) == pytest.approx(0.0, abs=1e-11)
    minima = [[3.0, 2.0], [-2.805118, 3.131313], [-3.77931, -3.283186], [3.584428, -1.848127]]
    for minimum in minima:
        assert sum(root == pytest.approx(minimum, abs=1e-5) for root in roots_of(found)) == 1


def test_a_double_root_is_undecided_and_the_simple_one_found() -> None:
    found = search(["(x - 1)**2*(x - 3)"], {"x": (-10, 10)})
    assert roots_of(found) == [[pytest.approx(3.0)]]
    assert [bool(lower[0] <= 1.0 <= upper[0]) for lower, upper in found.undecided] == [True]
    assert not found.complete
    assert found.boxes < 200


@pytest.mark.parametrize("text", ["abs(x)", "sqrt(x)", "x**3", "x**2", "x - sin(x)"])
def test_a_root_that_cannot_be_proven_is_never_lost(text: str) -> None:
    found = search([text], {"x": (-1.0, 2.0)})
    assert not found.roots
    assert not found.complete
    assert any(lower[0] <= 0.0 <= upper[0] for lower, upper in found.undecided)


def test_three_and_four_unknowns() -> None:
    three = search(
        ["x**2*y - y**3 + x - 0.1", "x*y - 0.2*z", "z**2 + x - y"], {"x": (-2, 2), "y": (-2, 2), "z": (-2, 2)}
    )
    assert three.complete
    assert len(three.roots) == 2
    four = search(
        ["a + b + c + d - 10", "a - b + c - d + 2", "a*b - 2", "c*d - 12"],
        {"a": (0, 5), "b": (0, 5), "c": (0, 5), "d": (0, 5)},
    )
    # a + c = 4 and b + d = 6, so that (4 − a)(6 − b) = 12 and a·b = 2: 6a + 4b = 14.
    assert_all(four, [[1, 2, 3, 4], [4 / 3, 1.5, 8 / 3, 4.5]])


def test_random_polynomials_lose_no_root_and_find_none_twice() -> None:
    random = np.random.default_rng(11)
    for _ in range(25):
        known = np.sort(random.choice(np.arange(-40, 41), size=random.integers(1, 7), replace=False)) / 8.0
        text = "*".join(f"(x - ({root!r}))" for root in known.tolist())
        inside = known[(known >= -3.3) & (known <= 4.1)]
        assert_all(search([text], {"x": (-3.3, 4.1)}), [[float(root)] for root in inside])


def test_a_curve_of_roots_meets_the_limit() -> None:
    found = search(["x*y", "x*y"], {"x": (-1, 1), "y": (-1, 1)}, limit_boxes=300)
    assert not found.complete
    assert found.boxes == 300
    assert "limit of 300" in found.stopped
    assert any(np.all((lower <= 0) & (upper >= 0)) for lower, upper in found.undecided)


def test_a_search_stops_when_told() -> None:
    calls = []
    found = search(HIMMELBLAU, {"x": (-5, 5), "y": (-5, 5)}, should_stop=lambda: len(calls) > 20 or calls.append(1))
    assert (found.boxes, found.complete, found.stopped) == (21, False, "the search was stopped")
    assert found.undecided


def test_progress_is_told() -> None:
    told: list[tuple[int, int, int]] = []
    found = search(HIMMELBLAU, {"x": (-5, 5), "y": (-5, 5)}, progress=lambda *now: told.append(now))
    assert [examined for examined, _, _ in told] == list(range(64, found.boxes + 1, 64))


@pytest.mark.parametrize("box", [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf), (np.nan, 1.0), (-1.7e308, 1.7e308)])
def test_what_is_no_box_is_refused(box: tuple[float, float]) -> None:
    with pytest.raises(rs.InputError, match="corners"):
        search(["x"], {"x": box})


def test_as_many_equations_as_unknowns_are_needed() -> None:
    with pytest.raises(rs.InputError, match="as many of both"):
        search(["x + y"], {"x": (0, 1), "y": (0, 1)})


def test_a_search_says_what_it_found() -> None:
    assert str(search(["x"], {"x": (-1, 1)})).startswith("1 root in the box, and no other")
    assert "undecided" in str(search(["x**2"], {"x": (-1, 1)}))
