"""Many roots of one box: all of those that are known to be there, each once, with no more claimed than was proven."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.roots import RootLimits, Roots, find_all

from tests.solver.building import build

HIMMELBLAU = ["4*x*(x**2 + y - 11) + 2*(x + y**2 - 7)", "2*(x**2 + y - 11) + 4*y*(x + y**2 - 7)"]


def found(equations: list[str], names: list[str], lower: Any, upper: Any, **options: Any) -> Roots:
    return find_all(build(equations, names), lower, upper, **options)


def test_the_nine_stationary_points_of_himmelblau_are_proven_to_be_all() -> None:
    roots = found(HIMMELBLAU, ["x", "y"], [-5, -5], [5, 5], prove=True)
    assert len(roots.roots) == 9
    assert roots.complete
    assert all(root.proven and root.solution.converged for root in roots.roots)
    assert not roots.undecided
    assert not roots.refuted
    assert any(np.allclose(root.x, [3.0, 2.0]) for root in roots.roots)
    assert roots.x.tolist() == sorted(roots.x.tolist())
    assert "proven: the box holds no other" in str(roots)
    assert sum(root.reached for root in roots.roots) > roots.starts


def test_without_a_proof_nothing_is_claimed() -> None:
    roots = found(HIMMELBLAU, ["x", "y"], [-5, -5], [5, 5])
    assert len(roots.roots) == 9
    assert not roots.complete
    assert roots.proof is None
    assert "no claim of completeness" in str(roots)
    assert "found nothing new" in roots.stopped
    assert roots.expected_more < 0.5
    assert roots.starts < 1000


def test_the_seven_zeros_of_the_sine() -> None:
    roots = found(["sin(x)"], ["x"], [-10.0], [10.0])
    np.testing.assert_allclose(roots.x[:, 0], np.pi * np.arange(-3, 4), atol=1e-14)
    assert all(root.proven for root in roots.roots)


@pytest.mark.parametrize("text", ["x**2 + 1", "x**2 + 1e-9", "exp(x)"])
def test_no_root_is_no_root(text: str) -> None:
    roots = found([text], ["x"], [-10.0], [10.0], prove=True)
    assert roots.roots == ()
    assert roots.x.size == 0
    assert roots.complete
    assert roots.converged == 0
    assert math.isinf(roots.expected_more)


def test_a_double_root_is_listed_once_but_not_proven() -> None:
    roots = found(["(x - 1)**2*(x - 3)"], ["x"], [-10.0], [10.0], prove=True)
    assert [root.proven for root in roots.roots] == [False, True]
    np.testing.assert_allclose(roots.x[:, 0], [1.0, 3.0], atol=1e-5)
    assert roots.roots[0].certificate.reason
    assert not roots.complete
    assert len(roots.undecided) == 1
    assert "(not proven)" in str(roots)


def test_what_passes_as_a_root_but_is_proven_none_is_refuted() -> None:
    roots = found(["x**2 + 1e-40"], ["x"], [-1.0], [1.5], prove=True)
    assert (len(roots.roots), len(roots.refuted), roots.complete) == (0, 1, True)


def test_f_is_never_asked_outside_the_box() -> None:
    # Beyond 2 the solver would meet the root at 2.5; below 0 there is no logarithm.
    roots = found(["(x - 2.5)*(log(x) + x)"], ["x"], [1e-3], [2.0])
    np.testing.assert_allclose(roots.x, [[0.5671432904097838]])
    assert np.all((roots.x >= 1e-3) & (roots.x <= 2.0))


def test_roots_on_the_edge_of_the_box_count() -> None:
    np.testing.assert_allclose(found(["x**2 - 4"], ["x"], [-2.0], [2.0], prove=True).x, [[-2.0], [2.0]])


def test_the_same_arguments_give_the_same_roots_in_the_same_way() -> None:
    limits = RootLimits(max_starts=25)
    first, again, other = (
        found(HIMMELBLAU, ["x", "y"], [-5, -5], [5, 5], seed=seed, limits=limits) for seed in (3, 3, 4)
    )
    assert str(first) == str(again)
    assert first.x.tobytes() == again.x.tobytes()
    assert str(first) != str(other)


def test_deflation_finds_what_starts_alone_do_not() -> None:
    roots = found(["(x - 1)*(x + 2)*(x - 4)"], ["x"], [-5.0], [5.5], limits=RootLimits(max_starts=3))
    np.testing.assert_allclose(roots.x[:, 0], [-2.0, 1.0, 4.0])
    assert "deflation" in {root.found_by for root in roots.roots}


def test_a_proof_adds_roots_that_the_starts_missed() -> None:
    roots = found(HIMMELBLAU, ["x", "y"], [-5, -5], [5, 5], limits=RootLimits(max_starts=1), prove=True)
    assert len(roots.roots) == 9
    assert roots.complete
    assert sum(root.found_by == "proof" for root in roots.roots) >= 7
    assert all(root.proven and root.solution.converged for root in roots.roots)


def test_roots_that_are_close_are_told_apart_by_their_certificates() -> None:
    roots = found(["(x - 1)*(x - 1.0000001)"], ["x"], [-10.0], [10.0])
    assert len(roots.roots) == 2
    np.testing.assert_allclose(roots.x[:, 0], [1.0, 1.0000001], rtol=0, atol=1e-12)


def test_a_curve_of_roots_ends_at_the_limit_of_roots() -> None:
    circle = ["x**2 + y**2 = 1", "2*x**2 + 2*y**2 = 2"]
    roots = found(circle, ["x", "y"], [-2, -2], [2, 2], limits=RootLimits(max_roots=4))
    assert "limit of 4 roots" in roots.stopped
    assert not any(root.proven for root in roots.roots)


def test_more_equations_than_variables() -> None:
    roots = found(["x - y", "x + y - 2", "x*y - 1"], ["x", "y"], [-3, -3], [3, 3])
    np.testing.assert_allclose(roots.x, [[1.0, 1.0]])
    assert roots.roots[0].certificate is None


def test_by_names_and_with_parameters() -> None:
    system = build(["u[0]**2 - a", "u[1] - u[0]"], {"u": [0.0, 0.0]}, {"a": 2.0})
    roots = find_all(system, {"u": [-3, -3]}, {"u": [3, 3]}, {"a": 4.0})
    np.testing.assert_allclose(roots.x, [[-2.0, -2.0], [2.0, 2.0]])
    assert roots.roots[0].solution["u"].tolist() == [-2.0, -2.0]


def test_a_system_too_large_for_certificates_is_told_apart_by_distance() -> None:
    n = 24
    equations = ["u[0]**2 - 1", f"u[i] - u[i-1] for i in range(1, {n})"]
    roots = find_all(build(equations, {"u": np.zeros(n)}), np.full(n, -2.0), np.full(n, 2.5))
    np.testing.assert_allclose(roots.x, [[-1.0] * n, [1.0] * n])
    assert all(root.certificate is None for root in roots.roots)


def test_it_stops_when_told_and_tells_its_progress() -> None:
    told: list[tuple[int, int]] = []
    roots = found(
        HIMMELBLAU,
        ["x", "y"],
        [-5, -5],
        [5, 5],
        should_stop=lambda: len(told) == 7,
        progress=lambda *now: told.append(now),
    )
    assert [starts for starts, _ in told] == list(range(1, 8))
    assert (roots.starts, roots.stopped) == (7, "stopped by the caller")
    assert len(roots.roots) == told[-1][1]


@pytest.mark.parametrize(
    ("equations", "lower", "upper", "options", "words"),
    [
        (["x + y"], [0, 0], [1, 1], {}, "not apart"),
        (["x", "y"], [0, 1], [1, 1], {}, "below"),
        (["x", "y"], [0, 0], [1, np.inf], {}, "finite"),
        (["x", "y"], [0, -1e308], [1, 1e308], {}, "too wide"),
        (["x", "y"], [0], [1, 1], {}, "shape"),
        (["x", "y", "x*y"], [0, 0], [1, 1], {"prove": True}, "square systems of 4"),
    ],
)
def test_what_makes_no_sense_is_refused(
    equations: list[str], lower: Any, upper: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(rs.InputError, match=words):
        found(equations, ["x", "y"], lower, upper, **options)


def test_limits_are_whole_numbers_from_one() -> None:
    with pytest.raises(rs.InputError, match=r"limits\.patience"):
        RootLimits(patience=0)


@pytest.mark.parametrize("seed", range(6))
def test_polynomials_of_known_roots(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = np.sort(random.choice(np.arange(-40, 41), size=random.integers(1, 6), replace=False)) / 8.0
    text = "*".join(f"(x - ({root!r}))" for root in known.tolist())
    roots = found([text], ["x"], [-5.2], [5.3])
    np.testing.assert_allclose(roots.x[:, 0], known, atol=1e-12)


@pytest.mark.parametrize("text", ["exp(x) - 2", "exp(exp(x)) - 5", "x**31 - 1", "tan(x) - x", "1/x - 3"])
def test_values_that_overflow_disturb_nothing(text: str) -> None:
    roots = found([text], ["x"], [-1e3], [1e3 + 1], limits=RootLimits(max_starts=30))
    assert all(root.solution.converged for root in roots.roots)
